"""A folder whose run was killed before it had a configuration: nothing is there to resume, and it can be used."""

import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

from trainhouse.machine.locks import lock_to_the_end
from trainhouse.runs.layout import CONFIG, LOG, MARK, METRICS

_STARTING = 10.0  # seconds that a run may have its mark and no log yet, which it locks

_held: list[IO[str]] = []  # until this process ends, so that no other one takes the same folder


def free_abandoned(folder: Path) -> None:
    """Remove the mark of a run that was killed before it had written its configuration, so that another can begin.

    A run that is at work, or has just been started, keeps its mark, and so does another program. Never fails.
    """
    mark = folder / MARK
    with suppress(OSError):
        if not mark.is_dir() or mark.is_symlink() or (folder / CONFIG).exists() or (folder / METRICS).exists():
            return
        has_log = (folder / LOG).is_file()
        if not has_log and _now_in(folder) - mark.stat().st_mtime < _STARTING:
            return
        if not _may_be_ours(mark, has_log):
            return
        if not has_log or _is_free(folder / LOG):
            shutil.rmtree(mark)


def _now_in(folder: Path) -> float:
    """Return the time by the clock that times the files of a folder, which may be a file server's."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".tmp-", suffix=".part") as file:
        return os.fstat(file.fileno()).st_mtime


def _may_be_ours(mark: Path, has_log: bool) -> bool:
    """Whether a run of this project can have left the mark: Hydra opens the log before it writes anything there."""
    if not has_log:
        return not any(mark.iterdir())
    record = mark / "config.yaml"
    text = record.read_text(encoding="utf-8", errors="replace") if record.is_file() else ""
    return not text or re.search(r"^outputs:", text, re.MULTILINE) is not None  # which all commands have


def _is_free(log: Path) -> bool:
    """Whether no process keeps its log there, as `trainhouse.launching.logging` locks it; from now on this one does."""
    file = open(log, "a", encoding="utf-8")  # noqa: SIM115 - held on to
    if not lock_to_the_end(file):  # where nothing can be locked, who knows
        file.close()
        return False
    _held.append(file)
    return True
