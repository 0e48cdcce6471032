"""The best configuration of a sweep and its runs, as the `best.yaml` in the sweep's folder names them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Interval, Predicate, doc

from trainhouse.configuration.bounded import read_yaml
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.values import expected, fits

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
    for key, hint in _KINDS.items():
        if not fits(content.get(key), hint):
            raise UserError(f"{path}: {key}: expected {expected(hint)}, found {content.get(key)!r:.60}")
    runs = [folder / name for name in content["runs"]]
    return BestOfSweep(content["overrides"], content["metric"], content["mode"], float(content["mean"]), runs)


def _are_folders_below(names: list[str]) -> bool:
    return 0 < len(names) == len(set(names)) and not any(
        not name or Path(name).is_absolute() or ".." in Path(name).parts for name in names
    )


_RUNS = "a list of different folders below the sweep's, in quotes as ['0', '3']"
_KINDS: dict[str, Any] = {
    "overrides": list[str],
    "metric": str,
    "mode": Annotated[Literal["min", "max"], doc("min or max")],
    "mean": Annotated[float, Interval(gt=-1e300, lt=1e300), doc("a number")],
    "runs": Annotated[list[str], Predicate(_are_folders_below), doc(_RUNS)],
}
