"""Finds the finished runs below a folder, from their `metrics.json` and `config.yaml` alone."""

import logging
import math
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Predicate, doc

from trainhouse.configuration.bounded import read_mapping
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.values import expected, fits
from trainhouse.reports.likeness import data_key, loss_in
from trainhouse.reports.names import measure_of
from trainhouse.runs.layout import METRICS
from trainhouse.runs.typed import command

_log = logging.getLogger(__name__)

# The better end of the metrics that runs of older versions have logged; later ones say it themselves.
_BETTER_BEFORE = {"loss": "min", "acc": "max", "f1": "max", "rmse": "min", "mae": "min", "r2": "max"}


def _are_ends(directions: dict[str, Any]) -> bool:
    return all(end in ("min", "max") for end in directions.values())


# What a run writes, as far as it is used here.
_KINDS: dict[str, Any] = {
    "best_epoch": float,
    "metrics": dict,
    "model": str,
    "provenance": dict,
    "monitor": str | None,
    "directions": Annotated[dict[str, Any] | None, Predicate(_are_ends), doc("min or max for each metric")],
    "data_split": dict | None,
    "loss": dict | None,
    "best_model_sha256": str | None,
}


@dataclass(frozen=True)
class Run:
    """A finished run, as its folder describes it."""

    folder: Path
    best_model: Path
    best_epoch: int
    metrics: dict[str, float]
    monitor: str | None
    """None of a run that monitors nothing: its last model stands in for the best."""
    mode: str | None
    model: str
    data: str
    data_key: str
    """Names the rows and their split: only runs that share it can be compared."""
    provenance: dict[str, Any]
    directions: dict[str, str] = field(default_factory=dict)
    """The better end, ``min`` or ``max``, of the metrics that say it."""
    loss: dict[str, Any] | None = None
    """What its losses measure; None if nothing says it."""
    sources: tuple[tuple[str, str], ...] = ()
    """The user's own files of code that it was trained by, each with its SHA-256."""
    baseline: Any = None
    """The metrics of a constant prediction, as its record has it."""
    best_model_sha256: str | None = None
    """What `best_model` was when the metrics were written; None of a run of an older version."""

    def better(self, metric: str) -> str | None:
        """Return the better end of a metric, as far as it is known."""
        return self.directions.get(metric) or _BETTER_BEFORE.get(measure_of(metric))


def find_runs(folder: Path) -> list[Run]:
    """Return every finished run with a best model below `folder`; say which are left out, and why.

    Raises `UserError` if there is none.
    """
    if not folder.is_dir():
        raise UserError(f"runs: {folder} is not a folder (relative paths start at {Path.cwd()})")
    return finished_runs(sorted(folder.rglob(METRICS)), folder)


def finished_runs(paths: Iterable[Path], folder: Path) -> list[Run]:
    """Return the runs whose records are at `paths`, as `find_runs` does."""
    runs, left_out = sorted_out(paths)
    pruned = [why for why in left_out if why.endswith(": pruned")]
    for why in left_out:
        if why not in pruned or len(pruned) == 1:
            _log.info("left out: %s", why)
    if len(pruned) > 1:
        _log.info("left out: %d pruned trials", len(pruned))
    if not runs:
        first = f" ({len(left_out)} left out, the first: {left_out[0]})" if left_out else ""
        raise UserError(
            f"runs: no finished run with a best model below {folder}{first}; train one with {command('train')}"
        )
    return runs


def sorted_out(paths: Iterable[Path]) -> tuple[list[Run], list[str]]:
    """Return the runs that can be ranked, and why others can't."""
    runs, left_out = [], []
    for path in paths:
        try:
            if (content := read_mapping(path)) is None:
                raise UserError(f"{path}: is not there any more")
            if "status" in content:  # else an evaluation, which has metrics too
                runs.append(_run(path, content))
        except UserError as why:
            left_out.append(str(why))
    return runs, left_out


def _run(path: Path, content: dict[str, Any]) -> Run:
    """Return the run that the record at `path` describes. Raises `UserError` if it can't be ranked."""
    folder = path.parent
    best = folder / _below(path, content.get("best_model"))
    if content.get("measured_in_part"):
        raise UserError(f"{folder}: measured on some of the batches only")
    if content["status"] != "completed":
        raise UserError(f"{folder}: {content['status']}")
    if not best.is_file():
        raise UserError(f"{folder}: no best model")
    if not zipfile.is_zipfile(best):
        raise UserError(f"{best}: damaged or not a checkpoint ({best.stat().st_size} bytes)")
    for key, hint in _KINDS.items():
        if not fits(content.get(key), hint):
            raise UserError(f"{path}: {key}: expected {expected(hint)}, found {content.get(key)!r:.40}")
    monitor, mode = content.get("monitor"), content.get("mode")
    if mode not in ("min", "max") and not (monitor is None and mode is None):
        raise UserError(f"{path}: mode: expected min or max, found {mode!r:.40}")
    for name, value in content["metrics"].items():
        if value is not None and not isinstance(value, (int, float)):
            raise UserError(f"{path}: metrics: {name}: expected a number, found {value!r:.40}")
    origin, split = content["provenance"], content.get("data_split")
    try:
        return Run(
            folder=folder,
            best_model=best,
            best_epoch=content["best_epoch"],
            metrics={name: math.nan if value is None else value for name, value in content["metrics"].items()},
            monitor=monitor,
            mode=mode,
            directions=content.get("directions") or {},
            loss=content["loss"] if content.get("loss") else loss_in(folder),
            sources=_sources(origin),
            best_model_sha256=content.get("best_model_sha256"),
            baseline=content.get("baseline"),
            model=content["model"],
            data=Path(origin["data"]).name,
            data_key=data_key(origin["data_fingerprint"], split),
            provenance={key: origin[key] for key in ("data", "data_fingerprint", "git_commit", "date")},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: provenance or data_split is not what a run writes ({error!r})") from error


def _sources(origin: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the files of code that a run's provenance names; runs of older versions name none."""
    files = origin.get("sources")
    return tuple(sorted((str(name), str(digest)) for name, digest in files.items())) if isinstance(files, dict) else ()


def _below(path: Path, name: object) -> str:
    """Return the path of a run's best model within its folder, as the record at `path` has it."""
    name = str(name or "none")
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise UserError(f"{path}: best_model: expected a file of the run's own, found {name!r:.60}, which is outside")
    return name
