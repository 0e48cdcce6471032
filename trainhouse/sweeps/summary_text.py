"""What a sweep came to, as text for the terminal."""

import math
import statistics
from collections import Counter
from collections.abc import Sequence

from trainhouse.machine.numbers import format_number
from trainhouse.reports.aligned_table import Column, aligned, fitted_table, setting_columns
from trainhouse.reports.baseline import shared_baseline
from trainhouse.reports.estimates import Estimate, intervals, spreads
from trainhouse.reports.names import split_of
from trainhouse.reports.short_text import clipped, shown_value
from trainhouse.sweeps.job import (
    COMPLETE,
    FAIL,
    PRUNED,
    Job,
    Objective,
    is_repeat,
    override_keys,
    override_of,
    varying,
)
from trainhouse.sweeps.repeats import (
    Configuration,
    configurations,
    measured,
    pareto,
    repeated_by,
    why_none_is_best,
)

_STATES = {COMPLETE: "complete", PRUNED: "pruned", FAIL: "failed"}


def summary(
    jobs: Sequence[Job], objectives: Sequence[Objective], limit: int | None = 20, width: int | None = None
) -> str:
    """Return the configurations as a table, best first, then what went wrong and how many trials there are.

    At most `limit` configurations and as many failed trials are listed; what is left out is counted. The table takes
    `width` columns of a terminal at most (None: any), and columns that are left out for that are named.
    """
    ranked = configurations(jobs, objectives)
    parts = []
    if apart := why_none_is_best(jobs, objectives):
        ranked.sort(key=lambda one: min(job.number for job in one.jobs))
        parts.append(f"note: {apart}, so none is the best")
    if ranked:
        shown_as, dropped = _table(jobs, ranked, objectives, limit, width, in_order=not apart)
        parts.append("\n".join([*_heading(jobs, objectives), shown_as]))
        if limit is not None and len(ranked) > limit:
            parts[-1] += f"\n... and {len(ranked) - limit} more"
        if dropped:
            parts[-1] += f"\nwithout, to fit {width} columns: {', '.join(dropped)}; results.csv has every trial"
        if line := shared_baseline(job.baseline for one in ranked for job in one.jobs):
            parts[-1] += f"\n{line}"
        if len(ranked) == 1 and len(ranked[0].jobs) > 1:
            parts.append(repeats_table(ranked[0], jobs, objectives, width))
    faults = _faults(jobs, objectives)
    if limit is not None and len(faults) > limit:
        faults = [*faults[:limit], f"... and {len(faults) - limit} more"]
    parts.append("\n".join([*faults, _counts(jobs)]))
    return "\n\n".join(parts)


def _unlike_lengths(jobs: Sequence[Job]) -> list[str]:
    """Say where ``auto`` has come to different lengths, as for different batch sizes: nobody has typed them."""
    typed = {key.lstrip("+") for key in override_keys(jobs)}
    said = []
    for key in ("trainer.max_epochs", "callbacks.early_stopping.patience"):
        values = [value for job in jobs if isinstance(value := (job.length or {}).get(key), int)]
        is_reached = any(job.epochs is None or job.epochs >= min(values, default=0) for job in jobs)
        if key not in typed and len({*values}) > 1 and is_reached:
            said.append(f"{key} {min(values)} to {max(values)}")
    ranges = " and ".join(said)
    return [f"note: auto is not the same in all trials: {ranges}; a number that is typed is"] if said else []


def _heading(jobs: Sequence[Job], objectives: Sequence[Objective]) -> list[str]:
    by = [f"{one.metric} ({'smaller' if one.mode == 'min' else 'larger'} is better)" for one in objectives]
    differ = set(varying(jobs))
    same = [override_of(key, clipped(jobs[0].overrides[key], 60)) for key in override_keys(jobs) if key not in differ]
    lines = [f"by {', then '.join(by)}"] if len(by) == 1 else [f"by {by[0]}; * is on the Pareto front with {by[1]}"]
    if len(by) > 2:
        lines = [f"by {by[0]}; * is on the Pareto front of all {len(by)} objectives"]
    if len({job.data for job in jobs if job.data and job.counts(one.metric for one in objectives)}) > 1:
        lines.append(
            "note: the trials have different data, or split it differently, so their values say little of one another"
        )
    lines += _unlike_lengths(jobs)
    return [*lines, *([f"all with {' '.join(same)}"] if same else []), ""]


def _table(
    jobs: Sequence[Job],
    ranked: Sequence[Configuration],
    objectives: Sequence[Objective],
    limit: int | None,
    width: int | None,
    in_order: bool,
) -> tuple[str, list[str]]:
    """Return the table, and the names of the columns that are left out to fit `width`."""
    most = max(len(one.jobs) for one in ranked)
    top = list(ranked)[:limit]
    columns = [Column("", range(1, len(top) + 1) if in_order else [""] * len(top))]
    if len(objectives) > 1 and in_order:
        front = {id(one) for one in pareto(ranked, objectives)}
        columns.append(Column("*", ["*" if id(one) in front else "" for one in top]))
    if most == 1:
        columns.append(Column("trial", [one.jobs[0].number for one in top]))
    keys = [key for key in varying(jobs) if not is_repeat(key)]
    columns += setting_columns(keys, [one.overrides for one in top])
    if most > 1:
        counts = [f"{len(one.jobs)}" if len(one.jobs) == most else f"{len(one.jobs)} of {most}" for one in top]
        columns.append(Column("n", counts, rank=1))
    first = len(columns)
    for index, objective in enumerate(objectives):
        columns.append(Column(objective.metric, _with_intervals([one.estimates[index] for one in top])))
    columns.append(Column("epoch", _means([[job.best_epoch for job in one.jobs] for one in top], "g"), rank=6))
    columns.append(Column("seconds", _means([[job.seconds for job in one.jobs] for one in top], ".1f"), rank=7))
    text, dropped = fitted_table(columns, width)
    if dropped and most > 1:  # an interval takes more room than it is worth then
        for index, objective in enumerate(objectives):
            columns[first + index] = Column(objective.metric, spreads([one.estimates[index] for one in top]))
        text, dropped = fitted_table(columns, width)
        dropped = [*dropped, "95 % interval"]
    return text, dropped


def repeats_table(
    one: Configuration, jobs: Sequence[Job], objectives: Sequence[Objective], width: int | None = None
) -> str:
    """Return what was measured over the repeats of a configuration: mean, deviation and the ends of each metric."""
    names, counts, estimates, ends = [], [], [], []
    for metric in measured([one], objectives):
        if values := [value for job in one.jobs if math.isfinite(value := job.value(metric))]:
            names.append(metric)
            counts.append(len(values))
            estimates.append(Estimate.of(values))
            ends.append((min(values), max(values)))
    columns = [
        Column("", names),
        Column("n", counts),
        Column("mean ± deviation", spreads(estimates)),
        Column("95 % interval", intervals(estimates), 1),
        Column("smallest", aligned([format_number(low) for low, _ in ends]), 2),
        Column("largest", aligned([format_number(high) for _, high in ends]), 2),
    ]
    text, _ = fitted_table(columns, width)
    keys = repeated_by(jobs)
    heading = f"over {' and '.join(keys)}:"
    is_cut_here = all("/" in (job.data or "") for job in one.jobs)  # data of the user's own is split as it likes
    if is_cut_here and any(split_of(name) == "test" for name in names):
        rows = "rows of their own" if "data.split_seed" in keys else "the same rows"
        heading = f"over {' and '.join(keys)}, tested on {rows}:"
    return f"{heading}\n{text}"


def _with_intervals(estimates: Sequence[Estimate]) -> list[str]:
    """Return ``0.1010 ± 0.0042 [0.0906, 0.1114]`` for each, its parts below one another."""
    pairs = zip(aligned(spreads(estimates), right=False), intervals(estimates), strict=True)
    return [" ".join(parts).rstrip() for parts in pairs]


def _means(groups: Sequence[Sequence[float | None]], form: str) -> list[str]:
    known = [[value for value in group if value is not None] for group in groups]
    return aligned([f"{round(statistics.fmean(group), 1):{form}}" if group else "" for group in known])


def _faults(jobs: Sequence[Job], objectives: Sequence[Objective]) -> list[str]:
    """One line for each trial that failed, or that is complete without a number to compare."""
    differ = varying(jobs)
    lines = []
    for job in jobs:
        why = clipped(job.error or "no reason is recorded", 160) if job.state == FAIL else ""
        missing = [one.metric for one in objectives if not math.isfinite(job.value(one.metric))]
        if job.state == COMPLETE and missing:
            why = f"{', '.join(missing)} missing or not finite"
        if why:
            given = [override_of(key, shown_value(job.overrides[key], 40)) for key in differ if key in job.overrides]
            known = clipped(" ".join(given), 120)
            lines.append(": ".join(filter(None, [f"trial {job.number} {_STATES[job.state]}", known, why])))
    return lines


def _counts(jobs: Sequence[Job]) -> str:
    found = Counter(job.state for job in jobs)
    states = [*_STATES, *sorted(found.keys() - _STATES.keys())]
    named = [f"{found[state]} {_STATES.get(state, state.lower())}" for state in states if found[state]]
    return f"{len(jobs)} trial{'' if len(jobs) == 1 else 's'}{': ' if named else ''}{', '.join(named)}"
