"""The best configuration of a sweep and its runs, as the `best.yaml` in the sweep's folder names them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainhouse.configuration.bounded import read_yaml
from trainhouse.configuration.errors import UserError

BEST = "best.yaml"
_MADE_AGAIN = "the sweep's own command with its sweep.resume= writes it again"
_OTHERS = ("multirun.yaml", "results.csv", "results.parquet")


@dataclass(frozen=True)
class BestOfSweep:
    """The configuration with the best mean. Its runs differ in what makes a repeat: the seed, or the fold."""

    overrides: list[str]
    """As they are typed, without what makes the repeats."""
    metric: str
    mode: str
    mean: float
    runs: list[Path]
    """Run folders, none of them twice."""


def is_sweep(folder: Path) -> bool:
    """Whether `folder` is that of a sweep, not of one of its runs."""
    return any((folder / name).is_file() for name in (BEST, *_OTHERS))


def is_file_of_sweep(path: Path) -> bool:
    """Whether `path` is one of the files that a sweep writes beside its runs."""
    return path.name in (BEST, *_OTHERS) and path.is_file()


def read_best(folder: Path) -> BestOfSweep | None:
    """Return what `best.yaml` in `folder` says; None if there is no such file.

    Raises `UserError` if it is damaged, or names a folder that is not below `folder`.
    """
    path = folder / BEST
    if not path.is_file():
        return None
    try:
        content = read_yaml(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not readable ({str(error)[:200]}); {_MADE_AGAIN}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected a mapping, found {content!r:.40}; {_MADE_AGAIN}")
    for key, (holds, expected) in _KINDS.items():
        if not holds(content.get(key)):
            raise UserError(f"{path}: {key}: expected {expected}, found {content.get(key)!r:.60}")
    runs = [folder / name for name in content["runs"]]
    return BestOfSweep(content["overrides"], content["metric"], content["mode"], float(content["mean"]), runs)


def _is_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_folders_below(value: Any) -> bool:
    return (
        _is_strings(value)
        and 0 < len(value) == len(set(value))
        and all(name and not Path(name).is_absolute() and ".." not in Path(name).parts for name in value)
    )


_KINDS = {
    "overrides": (_is_strings, "a list of strings"),
    "metric": (lambda value: isinstance(value, str), "a string"),
    "mode": (lambda value: value in ("min", "max"), "min or max"),
    "mean": (lambda value: isinstance(value, (int, float)) and abs(value) < 1e300, "a number"),
    "runs": (_is_folders_below, "a list of different folders below the sweep's, in quotes as ['0', '3']"),
}
