"""Ranks finished runs."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainhouse.configuration.errors import UserError, did_you_mean
from trainhouse.machine.numbers import format_number
from trainhouse.reports.data_table import keys_of_rows, print_data
from trainhouse.reports.finished_runs import Run, find_runs, finished_runs, sorted_out
from trainhouse.reports.likeness import are_own, refuse_unlike
from trainhouse.reports.run_configs import configured, means_line
from trainhouse.runs.best_of_sweep import BEST, read_best
from trainhouse.runs.layout import METRICS
from trainhouse.runs.typed import as_override

_log = logging.getLogger(__name__)
_KEYS = 3  # that are named, of those that differ


@dataclass(frozen=True)
class Ranking:
    """Runs on the same data and split, best first, and what they were compared by."""

    runs: list[Run]
    metric: str
    mode: str


def rank_folder(folder: Path, metric: str | None, mode: str | None, trained_on: str | None) -> Ranking:
    """Rank the runs below `folder`; of a sweep those of its best configuration only, unless asked for a metric or mode.

    One run of many may be the best by luck, so a configuration is chosen by the mean of its runs. Raises `UserError`
    as `find_runs` and `rank` do, and for a damaged `best.yaml`.
    """
    best = read_best(folder) if metric is None and mode is None else None
    if best is None:
        return rank(find_runs(folder), metric, mode, trained_on)
    every, _ = sorted_out(sorted(folder.rglob(METRICS)))
    if not are_own(run.loss for run in every):
        _refuse_unlike_losses(every, best.metric)  # an older version may have written what is best
    runs = finished_runs([run / METRICS for run in best.runs], folder)
    chosen = " ".join(best.overrides) or "that without overrides"
    _log.info(
        "best configuration of %s by its mean %s of %s: %s", folder, best.metric, format_number(best.mean), chosen
    )
    its = "its run is" if len(best.runs) == 1 else f"its {len(best.runs)} runs are"
    _log.info("only %s ranked; metric=... ranks all runs of the sweep\n", its)
    return rank(runs, best.metric, best.mode, trained_on)


def rank(runs: Sequence[Run], metric: str | None, mode: str | None, trained_on: str | None) -> Ranking:
    """Return the runs on one data set, best first; runs whose value is not finite come last.

    Runs that have no such value are left out, in one line.

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
    # Repeats over data.split_seed alone: which of them is taken is luck, but they are of one configuration.
    are_repeats = len(keys) > 1 and len(configured(runs, any_split=True)) == 1
    if len(keys) > 1 and not are_repeats:
        print_data(runs)
        raise UserError(
            f"runs: these are on {len(keys)} different data sets or splits, which can't be ranked against each other; "
            f"choose one with trained_on='{_choice(runs)}', or {_folder_of(runs)}{_in_what(runs)}"
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
    if without := sum(metric not in run.metrics for run in runs):
        runs = [run for run in runs if metric in run.metrics]
        _log.info("left out: %d run%s without %s", without, "s" * (without > 1), metric)
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

    if are_repeats:
        _log.info("%s, each on rows of its own:", means_line(configured(runs, any_split=True)[0], metric))
        _log.info("they differ in data.split_seed alone, so that the best of them is so by its rows as well\n")
    return Ranking(sorted(runs, key=badness), metric, mode)


def _refuse_unlike_losses(runs: Sequence[Run], metric: str) -> None:
    """Raise `UserError` if `metric` is a loss that is not the same function in all runs that have it."""
    having = [run for run in runs if metric in run.metrics]
    better = {name: end for run in having for name in run.metrics if (end := run.better(name))}
    shared = {name: end for name, end in better.items() if all(name in run.metrics for run in having)}
    refuse_unlike("metric", metric, [run.loss for run in having], shared)


def _folder_of(runs: Sequence[Run]) -> str:
    """Say which folder can be ranked: a sweep has chosen its configuration by the mean over its splits."""
    last = next((run.folder.parent for run in reversed(runs) if (run.folder.parent / BEST).is_file()), None)
    return f"the best configuration of a sweep with {as_override('runs', last)}" if last else "a folder with runs=..."


def _in_what(runs: Sequence[Run]) -> str:
    """Which keys that decide on the rows differ between `runs`, as far as their configurations say it."""
    found = keys_of_rows(runs)
    if not found:
        return " (their keys of data are the same, the files are not)" * (found is not None)
    more = f" and {len(found) - _KEYS} more keys" if len(found) > _KEYS else ""
    return f" (they differ in {', '.join(found[:_KEYS])}{more})"


def _choice(runs: Sequence[Run]) -> str:
    """What names the last run's data among `runs`: the file if it was always split alike, else the whole key."""
    last = runs[-1]
    alike = {run.data_key for run in runs if run.data == last.data}
    return last.data if len(alike) == 1 else last.data_key
