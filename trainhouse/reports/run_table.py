"""Reads the runs below a folder and ranks them, from their `metrics.json` and `config.yaml` alone."""

import logging
import math
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainhouse.configuration.bounded import read_mapping
from trainhouse.configuration.errors import UserError, did_you_mean
from trainhouse.reports.likeness import are_own, data_key, loss_in, refuse_unlike
from trainhouse.reports.names import measure_of
from trainhouse.reports.numbers import shown
from trainhouse.reports.table import table
from trainhouse.runs.best_of_sweep import read_best
from trainhouse.runs.run_folder import METRICS

_log = logging.getLogger(__name__)

# The better end of the metrics that runs of older versions have logged; later ones say it themselves.
_BETTER_BEFORE = {"loss": "min", "acc": "max", "f1": "max", "rmse": "min", "mae": "min", "r2": "max"}

_NUMBER, _TEXT, _KEYS = ((int, float), "a number"), (str, "a string"), (dict, "a mapping")
_KINDS: dict[str, tuple[Any, str]] = {
    "best_epoch": _NUMBER,
    "metrics": _KEYS,
    "model": _TEXT,
    "provenance": _KEYS,
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
    best_model_sha256: str | None = None
    """What `best_model` was when the metrics were written; None of a run of an older version."""

    def better(self, metric: str) -> str | None:
        """Return the better end of a metric, as far as it is known."""
        return self.directions.get(metric) or _BETTER_BEFORE.get(measure_of(metric))


@dataclass(frozen=True)
class Ranking:
    """Runs on the same data and split, best first, and what they were compared by."""

    runs: list[Run]
    metric: str
    mode: str


def find_runs(folder: Path) -> list[Run]:
    """Return every finished run with a best model below `folder`; say which are left out, and why.

    Raises `UserError` if there is none.
    """
    if not folder.is_dir():
        raise UserError(f"runs: {folder} is not a folder (relative paths start at {Path.cwd()})")
    return _finished(sorted(folder.rglob(METRICS)), folder)


def _finished(paths: Iterable[Path], folder: Path) -> list[Run]:
    runs, left_out = _sorted_out(paths)
    for why in left_out:
        _log.info("left out: %s", why)
    if not runs:
        first = f" ({len(left_out)} left out, the first: {left_out[0]})" if left_out else ""
        raise UserError(
            f"runs: no finished run with a best model below {folder}{first}; train one with python train.py"
        )
    return runs


def _sorted_out(paths: Iterable[Path]) -> tuple[list[Run], list[str]]:
    """Return the runs that can be ranked, and why others can't."""
    runs, left_out = [], []
    for path in paths:
        try:
            content = _read(path)
            if "status" in content:  # else an evaluation, which has metrics too
                runs.append(_run(path, content))
        except UserError as why:
            left_out.append(str(why))
    return runs, left_out


def _read(path: Path) -> dict[str, Any]:
    content = read_mapping(path)
    if content is None:
        raise UserError(f"{path}: is not there any more")
    return content


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
    for key, (kind, name) in _KINDS.items():
        if not isinstance(content.get(key), kind):
            raise UserError(f"{path}: {key}: expected {name}, found {content.get(key)!r:.40}")
    monitor, mode = content.get("monitor"), content.get("mode")
    if monitor is not None and not isinstance(monitor, str):
        raise UserError(f"{path}: monitor: expected a string, found {monitor!r:.40}")
    if mode not in ("min", "max") and not (monitor is None and mode is None):
        raise UserError(f"{path}: mode: expected min or max, found {mode!r:.40}")
    directions = content.get("directions") or {}
    if not isinstance(directions, dict) or not all(end in ("min", "max") for end in directions.values()):
        raise UserError(f"{path}: directions: expected min or max for each metric, found {directions!r:.40}")
    for key, kind in (("loss", dict), ("best_model_sha256", str)):
        if not isinstance(content.get(key), kind | None):
            raise UserError(f"{path}: {key}: is not what a run writes: {content[key]!r:.40}")
    if not isinstance(content.get("data_split"), dict | None):
        raise UserError(f"{path}: data_split: expected a mapping, found {content['data_split']!r:.40}")
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
            directions=directions,
            loss=content["loss"] if content.get("loss") else loss_in(folder),
            best_model_sha256=content.get("best_model_sha256"),
            model=content["model"],
            data=Path(origin["data"]).name,
            data_key=data_key(origin["data_fingerprint"], split),
            provenance={key: origin[key] for key in ("data", "data_fingerprint", "git_commit", "date")},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: provenance or data_split is not what a run writes ({error!r})") from error


def _below(path: Path, name: object) -> str:
    """Return the path of a run's best model within its folder, as the record at `path` has it."""
    name = str(name or "none")
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise UserError(f"{path}: best_model: expected a file of the run's own, found {name!r:.60}, which is outside")
    return name


def rank_folder(folder: Path, metric: str | None, mode: str | None, trained_on: str | None) -> Ranking:
    """Rank the runs below `folder`; of a sweep those of its best configuration only, unless asked for a metric or mode.

    One run of many may be the best by luck, so a configuration is chosen by the mean of its runs. Raises `UserError`
    as `find_runs` and `rank` do, and for a damaged `best.yaml`.
    """
    best = read_best(folder) if metric is None and mode is None else None
    if best is None:
        return rank(find_runs(folder), metric, mode, trained_on)
    every, _ = _sorted_out(sorted(folder.rglob(METRICS)))
    if not are_own(run.loss for run in every):
        _refuse_unlike_losses(every, best.metric)  # an older version may have written what is best
    runs = _finished([run / METRICS for run in best.runs], folder)
    chosen = " ".join(best.overrides) or "that without overrides"
    _log.info("best configuration of %s by its mean %s of %s: %s", folder, best.metric, shown(best.mean), chosen)
    its = "its run is" if len(best.runs) == 1 else f"its {len(best.runs)} runs are"
    _log.info("only %s ranked; metric=... ranks all runs of the sweep\n", its)
    return rank(runs, best.metric, best.mode, trained_on)


def rank(runs: Sequence[Run], metric: str | None, mode: str | None, trained_on: str | None) -> Ranking:
    """Return the runs on one data set, best first; runs whose value is missing or not finite come last.

    `trained_on` chooses the data by its file name, or by the key that also names the split. Raises
    `UserError` if the runs are on several data sets or splits and none is chosen, if they disagree on what
    best means and nothing is said, if no run has the metric, or if `mode` is the worse end of it.
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
            monitored = ", ".join(sorted(str(monitor or "nothing") for monitor, _ in chosen))
            raise UserError(f"metric: the runs monitor {monitored}; choose with metric=... mode=...")
        metric, own_mode = chosen.pop()
        if metric is None:
            logged = ", ".join(sorted({name for run in runs for name in run.metrics}))
            raise UserError(f"metric: the runs monitor nothing; choose with metric=... mode=... (there are: {logged})")
        mode = mode or own_mode
        _refuse_unlike_losses(runs, metric)
    elif not are_own(run.loss for run in runs):  # else the user, who alone knows, has said that they are alike
        _refuse_unlike_losses(runs, metric)
    names = sorted({name for run in runs for name in run.metrics})
    if metric not in names:
        raise UserError(f"metric: no run has '{metric}'{did_you_mean(metric, names)} (there are: {', '.join(names)})")
    if mode is None:
        mode = next((run.mode for run in runs if run.monitor == metric), None)
    if mode is None:
        mode = next((run.directions[metric] for run in runs if metric in run.directions), None)
    if mode is None:
        raise UserError(f"mode: is a small or a large {metric} better? Add mode=min or mode=max")
    better = next((end for run in runs if metric in run.metrics and (end := run.better(metric))), mode)
    if mode != better:
        raise UserError(f"mode: {mode} would take the worst {metric} for the best; add mode={better}")
    sign = 1 if mode == "min" else -1

    def badness(run: Run) -> tuple[bool, float]:
        value = run.metrics.get(metric, math.nan)
        return not math.isfinite(value), sign * value

    return Ranking(sorted(runs, key=badness), metric, mode)


def _refuse_unlike_losses(runs: Sequence[Run], metric: str) -> None:
    """Raise `UserError` if `metric` is a loss that is not the same function in all runs that have it."""
    having = [run for run in runs if metric in run.metrics]
    better = {name: end for run in having for name in run.metrics if (end := run.better(name))}
    shared = {name: end for name, end in better.items() if all(name in run.metrics for run in having)}
    refuse_unlike("metric", metric, [run.loss for run in having], shared)


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
    _log.info("%s\n", table(header, rows), extra={"lines": True})


def print_runs(runs: Sequence[Run]) -> None:
    """Show runs with what names their data, in no order of merit."""
    rows = [[run.folder, run.model, run.data, run.data_key, _date(run)] for run in runs]
    header = ["run", "model", "data", "fingerprint/split/seed", "date"]
    _log.info("%s\n", table(header, rows), extra={"lines": True})


def _date(run: Run) -> str:
    return str(run.provenance["date"])[:16].replace("T", " ")
