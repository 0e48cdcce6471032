"""Reads the runs below a folder and ranks them, from their `metrics.json` and `config.yaml` alone."""

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.utils.errors import UserError, did_you_mean
from src.utils.run_folder import METRICS
from src.utils.table import table

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """A finished run, as its folder describes it."""

    folder: Path
    best_model: Path
    best_epoch: int
    metrics: dict[str, float]
    monitor: str
    mode: str
    model: str
    data: str
    data_key: str
    """Names the rows and their split: only runs that share it can be compared."""
    provenance: dict[str, Any]


@dataclass(frozen=True)
class Ranking:
    """Runs on the same data and split, best first, and what they were compared by."""

    runs: list[Run]
    metric: str
    mode: str


def find_runs(folder: Path) -> list[Run]:
    """Return every finished run with a best model below `folder`. Raises `UserError` if there is none."""
    if not folder.is_dir():
        raise UserError(f"runs: {folder} is not a folder (relative paths start at {Path.cwd()})")
    runs = []
    for path in sorted(folder.rglob(METRICS)):
        content = _read(path)
        if "status" not in content:  # an evaluation, which has metrics too
            continue
        best = path.parent / (content.get("best_model") or "none")
        if content.get("measured_in_part"):
            _log.info("left out: %s (measured on some of the batches only)", path.parent)
        elif content["status"] == "completed" and best.is_file():
            runs.append(_run(path.parent, best, content))
        else:
            why = "no best model" if content["status"] == "completed" else content["status"]
            _log.info("left out: %s (%s)", path.parent, why)
    if not runs:
        raise UserError(f"runs: no finished run with a best model below {folder}; train one with python train.py")
    return runs


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
        return content if isinstance(content, dict) else {}
    except (OSError, ValueError) as error:
        _log.warning("warning: %s is passed over: %s", path, error)
        return {}


def _run(folder: Path, best: Path, content: dict[str, Any]) -> Run:
    origin = content["provenance"]
    split = content["data_split"]
    fractions = "-".join(f"{part:g}" for part in split["split"])
    return Run(
        folder=folder,
        best_model=best,
        best_epoch=content["best_epoch"],
        metrics={name: math.nan if value is None else value for name, value in content["metrics"].items()},
        monitor=content["monitor"],
        mode=content["mode"],
        model=content["model"],
        data=Path(origin["data"]).name,
        data_key=f"{origin['data_fingerprint'][:8]}/{fractions}/{split['split_seed']}",
        provenance=origin,
    )


def rank(runs: Sequence[Run], metric: str | None, mode: str | None, trained_on: str | None) -> Ranking:
    """Return the runs on one data set, best first; runs whose value is missing or not finite come last.

    `trained_on` chooses the data by its file name, or by the key that also names the split. Raises
    `UserError` if the runs are on several data sets or splits and none is chosen, if they disagree on what
    best means and nothing is said, or if no run has the metric.
    """
    if trained_on is not None:
        names = sorted({name for run in runs for name in (run.data, run.data_key)})
        runs = [run for run in runs if trained_on in (run.data, run.data_key)]
        if not runs:
            hint = did_you_mean(trained_on, names)
            raise UserError(f"trained_on: no run on '{trained_on}'{hint} (there are: {', '.join(names)})")
    keys = {run.data_key for run in runs}
    if len(keys) > 1:
        print_runs(runs)
        raise UserError(
            f"runs: these are on {len(keys)} different data sets or splits, which can't be ranked against each other; "
            f"choose one with trained_on='{_choice(runs)}', or a folder with runs=..."
        )
    if metric is None:
        chosen = {(run.monitor, run.mode) for run in runs}
        if len(chosen) > 1:
            raise UserError(
                f"metric: the runs monitor {', '.join(sorted(m for m, _ in chosen))}; choose with metric=... mode=..."
            )
        metric, own_mode = chosen.pop()
        mode = mode or own_mode
    names = sorted({name for run in runs for name in run.metrics})
    if metric not in names:
        raise UserError(f"metric: no run has '{metric}'{did_you_mean(metric, names)} (there are: {', '.join(names)})")
    if mode is None:
        mode = next((run.mode for run in runs if run.monitor == metric), None)
    if mode is None:
        raise UserError(f"mode: is a small or a large {metric} better? Add mode=min or mode=max")
    sign = 1 if mode == "min" else -1

    def badness(run: Run) -> tuple[bool, float]:
        value = run.metrics.get(metric, math.nan)
        return not math.isfinite(value), sign * value

    return Ranking(sorted(runs, key=badness), metric, mode)


def _choice(runs: Sequence[Run]) -> str:
    """What names the last run's data among `runs`: the file if it was always split alike, else the whole key."""
    last = runs[-1]
    alike = {run.data_key for run in runs if run.data == last.data}
    return last.data if len(alike) == 1 else last.data_key


def print_ranking(ranking: Ranking) -> None:
    """Show the runs, best first."""
    _log.info("by %s (%s is better)\n", ranking.metric, "smaller" if ranking.mode == "min" else "larger")
    header = ["", "run", ranking.metric, "epoch", "model", "data", "date"]
    rows = [
        [place, run.folder, run.metrics.get(ranking.metric, math.nan), run.best_epoch, run.model, run.data, _date(run)]
        for place, run in enumerate(ranking.runs, 1)
    ]
    _log.info("%s\n", table(header, rows))


def print_runs(runs: Sequence[Run]) -> None:
    """Show runs with what names their data, in no order of merit."""
    rows = [[run.folder, run.model, run.data, run.data_key, _date(run)] for run in runs]
    _log.info("%s\n", table(["run", "model", "data", "fingerprint/split/seed", "date"], rows))


def _date(run: Run) -> str:
    return str(run.provenance["date"])[:16].replace("T", " ")
