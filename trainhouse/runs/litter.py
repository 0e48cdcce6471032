"""A command that ends before anything worth keeping was made leaves no folder.

Only what this process has claimed, and nobody has added anything to, is removed: file by file, and folders that are
empty then. Of a folder that held something before, what it held stays. What a killed process leaves stays.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trainhouse.machine.ranks import ranks
from trainhouse.runs.layout import CHECKPOINTS, CONFIG, FIGURES, MARK, METRICS, MULTIRUN
from trainhouse.runs.outputs import outputs

_OF_A_RUN = (MARK, "logs", CHECKPOINTS, FIGURES)
# What is written before the first step of a run; of a sweep its mark, and what its first job has that is refused.
_LITTER = {
    "run": re.compile(
        r"[^/]+/(config|hydra|overrides)\.yaml|config\.yaml|metrics\.json|splits\.(csv|npz)|data_columns\.csv|"
        r"logs/(training\.log|metrics\.csv)|(.+/)?(events\.out\.tfevents\.[^/]+|hparams\.yaml)|logs/\w+\.json|"
        r"logs/(wandb|comet)/.+|(.+/)?\.tmp-[^/]+\.part(/.*)?"
    ),
    "sweep": re.compile(
        re.escape(MULTIRUN) + r"|\d+/(\.hydra/(config|hydra|overrides)\.yaml|logs/training\.log)",
    ),
}
_TRIES = 5  # beside others that remove their own litter


@dataclass
class _Claimed:
    folder: Path
    kind: str
    """``run`` or ``sweep``."""
    made: list[Path]
    """Folders that were not there before, the outermost first."""
    before: frozenset[Path]
    """What the folder held before, where a run writes before its first step."""
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
            before = frozenset(_near(place))
            create_mark(folder)
            break
        except FileNotFoundError:
            if not tries_left:
                if any(path.is_symlink() and not path.exists() for path in (place, *place.parents)):
                    raise FileExistsError(folder) from None
                raise
    _claims[:] = [_Claimed(place, kind, made, before)]


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
                shutil.rmtree(claimed.folder / MARK, ignore_errors=True)
    _claims.clear()


def forget() -> None:
    """Leave what was claimed as it is: the command has ended."""
    _claims.clear()


def _is_litter(claimed: _Claimed) -> bool:
    if claimed.kept or ranks().world > 1:  # others may be at work in the folder
        return False
    files = [path.relative_to(claimed.folder).as_posix() for path in _new(claimed)]
    if METRICS in files and CONFIG not in files:  # of an evaluation, which has come to numbers
        return False
    return all(_LITTER[claimed.kind].fullmatch(name) for name in files)


def _new(claimed: _Claimed) -> list[Path]:
    """Return the files that the folder did not hold before; a link counts as a file, wherever it leads."""
    return [path for path in _tree(claimed) if path.is_symlink() or not path.is_dir()]


def _tree(claimed: _Claimed) -> list[Path]:
    """Return what the folder holds now and did not hold before, at any depth."""
    found = _near(claimed.folder) if claimed.before else claimed.folder.rglob("*")
    return [path for path in found if path not in claimed.before]


def _near(folder: Path) -> Iterator[Path]:
    """Yield what lies in a folder, and in those below it that a run writes into: the user's others may be large."""
    for path in folder.iterdir():
        yield path
        if path.name in _OF_A_RUN and path.is_dir() and not path.is_symlink():
            yield from path.rglob("*")


def _remove(claimed: _Claimed) -> None:
    for path in _new(claimed):
        path.unlink()
    inner = sorted(_tree(claimed), key=lambda path: -len(path.parts))
    for path in (*inner, *reversed(claimed.made)):  # one that somebody has put something into since stays
        with suppress(FileNotFoundError):  # a sweep that is given up removes its own
            path.rmdir()
    runs = outputs().absolute()
    for path in claimed.folder.parents if claimed.made else ():  # which another command, begun together, has made
        if path.is_relative_to(runs) and path != runs:
            path.rmdir()


def in_the_way(folder: Path) -> str:
    """Return what is there in place of `folder`, or of one that it is in."""
    for path in reversed((folder, *folder.parents)):
        if path.is_symlink() and not path.exists():
            target = path.readlink()
            return f"{path} is a link to {target}, which does not exist; mount or create it, or remove the link"
        if path.exists() and not path.is_dir():
            return f"{path} is a file, not a folder"
    return f"{folder} was removed while it was made"
