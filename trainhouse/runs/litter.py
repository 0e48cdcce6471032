"""A command that ends before anything worth keeping was made leaves no folder.

Only what this process has claimed, and nobody has added anything to, is removed: file by file, and folders that are
empty then. What a killed process leaves stays.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trainhouse.machine.ranks import ranks
from trainhouse.runs.layout import CONFIG, METRICS, MULTIRUN

# What is written before the first step of a run; of a sweep its mark alone.
_LITTER = {
    "run": re.compile(
        r"\.hydra/(config|hydra|overrides)\.yaml|config\.yaml|metrics\.json|splits\.(csv|npz)|logs/(training\.log|metrics\.csv)|"
        r"logs/events\.out\.tfevents\.[^/]+|logs/(.+/)?hparams\.yaml|logs/\w+\.json|logs/(wandb|comet)/.+|(.+/)?\.tmp-[^/]+\.part(/.*)?"
    ),
    "sweep": re.compile(re.escape(MULTIRUN)),
}
_TRIES = 5  # beside others that remove their own litter


@dataclass
class _Claimed:
    folder: Path
    kind: str
    """``run`` or ``sweep``."""
    made: list[Path]
    """Folders that were not there before, the outermost first."""
    was_empty: bool
    kept: bool = False


_claims: list[_Claimed] = []


def claim_folder(folder: Path, kind: str, create_mark: Callable[[Path], None]) -> None:
    """Make the folder of a run or a sweep with those above it, and its mark; remember which of them there were not.

    Raises `OSError`, and what `create_mark` raises if it is another's: then nothing counts as claimed.
    """
    place, made = folder.absolute(), list[Path]()
    for tries_left in reversed(range(_TRIES)):
        try:
            for path in reversed([path for path in (place, *place.parents) if not path.exists()]):
                with suppress(FileExistsError):  # another process was faster
                    path.mkdir()
                    made.append(path)
            if place.exists() and not place.is_dir():
                raise FileExistsError(folder)
            was_empty = not any(place.iterdir())
            create_mark(folder)
            break
        except FileNotFoundError:
            if not tries_left:
                if any(path.is_symlink() and not path.exists() for path in (place, *place.parents)):
                    raise FileExistsError(folder) from None
                raise
    _claims[:] = [_Claimed(place, kind, made, was_empty)]


def keep() -> None:
    """Say that from now on what this process has claimed is worth keeping: training has begun."""
    for claimed in _claims:
        claimed.kept = True


def leaves_nothing(folder: Path) -> bool:
    """Whether a run that ended now would leave nothing in its folder."""
    return any(one.folder.resolve() == folder.resolve() and _is_litter(one) for one in _claims)


def remove_litter() -> None:
    """Remove what this process has claimed, unless there is anything worth keeping in it; never fails."""
    with suppress(OSError):
        for claimed in _claims:
            if _is_litter(claimed):
                _remove(claimed)
            elif claimed.kind == "run" and not (claimed.folder / CONFIG).exists():  # the name can be used again
                shutil.rmtree(claimed.folder / ".hydra", ignore_errors=True)
    _claims.clear()


def forget() -> None:
    """Leave what was claimed as it is: the command has come to its end."""
    _claims.clear()


def _is_litter(claimed: _Claimed) -> bool:
    if claimed.kept or not claimed.was_empty or _has_others():
        return False
    files = [path.relative_to(claimed.folder).as_posix() for path in _files_in(claimed.folder)]
    if METRICS in files and CONFIG not in files:  # of an evaluation, which has come to numbers
        return False
    return all(_LITTER[claimed.kind].fullmatch(name) for name in files)


def _has_others() -> bool:
    """Whether other processes of the same run may be at work in its folder."""
    return ranks().world > 1


def _files_in(folder: Path) -> Iterator[Path]:
    """Yield what is no folder below `folder`; a link counts as a file, wherever it leads."""
    for parent, folders, files in os.walk(folder):
        yield from (Path(parent, name) for name in files)
        yield from (path for name in folders if (path := Path(parent, name)).is_symlink())


def _remove(claimed: _Claimed) -> None:
    for path in [*_files_in(claimed.folder)]:
        path.unlink()
    inner = [Path(parent) for parent, _, _ in os.walk(claimed.folder, topdown=False)][:-1]
    for path in (*inner, *reversed(claimed.made)):  # one that somebody has put something into since stays
        with suppress(FileNotFoundError):  # a sweep that is given up removes its own
            path.rmdir()
