"""Where a model comes from: enough to find the code, the packages and the data again."""

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Collection
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from trainhouse.configuration.schema import CONF, LIBRARY_CONF
from trainhouse.configuration.settings import Train
from trainhouse.configuration.views import targets_in
from trainhouse.machine.files import sha256

_PROJECT = CONF.parent

_OF_ANOTHER = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")

_CODE = ("src", CONF.name)

PACKAGES = ("torch", "lightning", "hydra-core", "omegaconf", "torchmetrics", "numpy")


def provenance(data_name: str, data_fingerprint: str, settings: Train | None = None) -> dict[str, Any]:
    """Return plain data: git commit and whether the code was another one, versions, command, time, data, sources.

    The commit is that of the code, wherever the command is typed; none if git keeps nothing of this checkout.
    The sources are the files of the classes that the `settings` name as model and data, each with a hash.
    """
    commit = _git("rev-parse", "HEAD") if _git("ls-files", "--", ".") else None
    used = sources(settings) if settings else {}
    return {
        "git_commit": commit,
        "git_dirty": None if commit is None else _is_dirty(used),
        "packages": {name: version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "command": shlex.join(["python", *sys.argv]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": data_name,
        "data_fingerprint": data_fingerprint,
        "sources": used,
    }


def _is_dirty(used: Collection[str]) -> bool:
    """Whether the commit lacks something of the code: a change, or a file that git does not keep.

    Such files count where they are `used` as model or data, or lie in the folders of code and configuration.
    """
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".")
    added = _git("ls-files", "--others", "--exclude-standard", "--exclude=__pycache__", "--", *_CODE)
    unknown = _git("ls-files", "--others", "--", *used) if used else ""
    return bool(changed or added or unknown)


def sources(settings: Train) -> dict[str, str]:
    """Return the files of this checkout that hold what the model and data of a run name, each with its SHA-256."""
    found = {}
    for name in sorted({*targets_in(settings.model.plain), *targets_in(settings.data.plain)}):
        module = sys.modules.get(name.rpartition(".")[0])
        path = Path(getattr(module, "__file__", None) or "none").resolve()
        if path.is_file() and path.is_relative_to(_PROJECT) and not _is_installed(path):
            found[str(path.relative_to(_PROJECT))] = sha256(path)
    return found


def changed_sources(settings: Train, origin: dict[str, Any]) -> list[str]:
    """Return the files that have changed since `origin` was written, of those that still belong to the `settings`."""
    before = origin.get("sources")
    return [name for name, value in sources(settings).items() if isinstance(before, dict) and before.get(name) != value]


def _is_installed(path: Path) -> bool:
    """Whether a file is a library's, this project's own among them: its version says what it is."""
    return path.is_relative_to(LIBRARY_CONF.parent) or any(
        part in ("site-packages", "dist-packages") for part in path.parts
    )


def _git(*arguments: str) -> str | None:
    """What git says in the folder of this checkout, also within a hook, whose environment names another repository."""
    environment = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER}
    command = ["git", "-C", str(_PROJECT), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True, env=environment)
    except (OSError, subprocess.SubprocessError):  # no git, or not a checkout: a copy of the project works too
        return None
    return done.stdout.strip()
