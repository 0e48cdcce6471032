"""Symbolic links in a run's folder: one's own may lead to another disk, of somebody else's none may lead out of it.

What a signature covers is the configuration: who has put a link beside it, nobody can say. So the links of a folder
count as one's own where its configuration does.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from omegaconf import OmegaConf

from trainhouse.configuration.bounded import interpolations, read_config
from trainhouse.configuration.errors import UserError
from trainhouse.runs.layout import CHECKPOINTS, CONFIG, METRICS
from trainhouse.runs.saved_config import config_header, signed_parts


def refuse_links_out(folder: Path, is_foreign: bool = False) -> None:
    """Raise `UserError` for a link that leads out of a run's or a sweep's folder, unless this account has run it.

    Also for what is neither file nor folder: a pipe would be waited for. To be called before anything is written there.
    `is_foreign` says that what will write there has been configured by somebody else, whoever has run it before.
    """
    found = next(_leading_out(folder), None)
    if found is None or (not is_foreign and _is_own(folder)):
        return
    raise UserError(
        f"{found}: leads out of {folder}, and what another user account (or an older version) has run or configured, or"
        f" whose {CONFIG} was edited, may write only below its own folder; put a file or folder in its place"
    )


def _leading_out(folder: Path) -> Iterator[Path]:
    """Yield what a run must not write through: links that lead out of the folder, pipes, devices."""
    place = os.path.realpath(folder)
    for parent, folders, files in os.walk(place):
        for name in sorted((*folders, *files)):
            path = Path(parent, name)
            try:
                mode = path.lstat().st_mode
            except FileNotFoundError:  # another process of a search has renamed it since it was listed
                continue
            if stat.S_ISLNK(mode):
                if not f"{os.path.realpath(path)}{os.sep}".startswith(f"{place}{os.sep}"):
                    yield path
            elif not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                yield path


def _is_own(folder: Path) -> bool:
    """Whether there are runs in a folder, and this account has configured all of them."""
    configs = [
        path
        for path in folder.rglob(CONFIG)  # loggers write files of this name too
        if path.parent.name != ".hydra" and ((path.parent / ".hydra").is_dir() or (path.parent / METRICS).is_file())
    ]
    return bool(configs) and all(map(_is_own_config, configs))


def _is_own_config(path: Path) -> bool:
    """Whether this account has signed a configuration; what can't be read is not one's own."""
    header = OmegaConf.to_container(OmegaConf.create(config_header(path.parent)), resolve=False)
    try:
        plain = read_config(path, may_resolve=[text for _, text in interpolations(header)])
        for key in ("defaults", "hydra"):
            plain.pop(key, None)
        return signed_parts(path, plain)[1]
    except (OSError, ValueError):
        return False


def named_in(folder: Path, path: Path) -> Path:
    """Return a checkpoint's path as it is called in the run's folder, though its checkpoints may lie elsewhere.

    Lightning calls files by where a link leads to.
    """
    elsewhere = (folder / CHECKPOINTS).resolve()
    return folder / CHECKPOINTS / path.relative_to(elsewhere) if path.is_relative_to(elsewhere) else path
