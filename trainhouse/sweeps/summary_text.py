"""What a sweep came to, as text for the terminal."""

import math
import statistics
from collections import Counter
from collections.abc import Sequence

from trainhouse.configuration.printable import printable
from trainhouse.machine.numbers import format_number
from trainhouse.reports.aligned_table import aligned, table
from trainhouse.sweeps.job import (
    COMPLETE,
    FAIL,
    PRUNED,
    Job,
    Objective,
    is_repeat,
    number,
    override_keys,
    override_of,
    varying,
)
from trainhouse.sweeps.repeats import Configuration, Estimate, configurations, pareto, why_none_is_best

_STATES = {COMPLETE: "complete", PRUNED: "pruned", FAIL: "failed"}
_WIDEST = 28  # of a value: more columns than that leave no room for the next


def summary(jobs: Sequence[Job], objectives: Sequence[Objective], limit: int | None = 20, what: str = "job") -> str:
    """Return the configurations as a table, best first, then what went wrong and how many jobs there are.

    `what` is what one of them is called. At most `limit` configurations and as many failed jobs are listed; what is
    left out is counted.
    """
    ranked = configurations(jobs, objectives)
    parts = []
    if apart := why_none_is_best(jobs, objectives):
        ranked.sort(key=lambda one: min(job.number for job in one.jobs))
        parts.append(f"note: {apart}, so none is the best")
    if ranked:
        shown_as = _table(jobs, ranked, objectives, limit, what, in_order=not apart)
        parts.append("\n".join([*_heading(jobs, objectives), shown_as]))
        if limit is not None and len(ranked) > limit:
            parts[-1] += f"\n... and {len(ranked) - limit} more"
    faults = _faults(jobs, objectives, what)
    if limit is not None and len(faults) > limit:
        faults = [*faults[:limit], f"... and {len(faults) - limit} more"]
    parts.append("\n".join([*faults, _counts(jobs, what)]))
    return "\n\n".join(parts)


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Return the last part of each dotted key where no other key ends alike, else the whole key."""
    last = Counter(key.rpartition(".")[2] for key in keys)
    return {key: short if last[short := key.rpartition(".")[2]] == 1 else key for key in keys}


def clipped(text: str, width: int) -> str:
    """Return `text` on one line of at most `width` characters; its middle is what goes."""
    text = printable(" ".join(text.split()))
    if len(text) <= width:
        return text
    head = width // 2
    return f"{text[:head]}…{text[len(text) - (width - head - 1) :]}"


def shown_value(text: str, width: int) -> str:
    """Return an override's value in at most `width` characters; of a long number four digits."""
    value = number(text)
    return clipped(text, width) if value is None or len(text) <= 8 else f"{value:.4g}"


def _heading(jobs: Sequence[Job], objectives: Sequence[Objective]) -> list[str]:
    by = [f"{one.metric} ({'smaller' if one.mode == 'min' else 'larger'} is better)" for one in objectives]
    differ = set(varying(jobs))
    same = [override_of(key, clipped(jobs[0].overrides[key], 60)) for key in override_keys(jobs) if key not in differ]
    lines = [f"by {', then '.join(by)}"] if len(by) == 1 else [f"by {by[0]}; * is on the Pareto front with {by[1]}"]
    if len(by) > 2:
        lines = [f"by {by[0]}; * is on the Pareto front of all {len(by)} objectives"]
    if len({job.data for job in jobs if job.data}) > 1:
        lines.append(
            "note: the jobs have different data, or split it differently, so their values say little of one another"
        )
    return [*lines, *([f"all with {' '.join(same)}"] if same else []), ""]


def _table(
    jobs: Sequence[Job],
    ranked: Sequence[Configuration],
    objectives: Sequence[Objective],
    limit: int | None,
    what: str,
    in_order: bool,
) -> str:
    keys = [key for key in varying(jobs) if not is_repeat(key)]
    most = max(len(one.jobs) for one in ranked)
    top = list(ranked)[:limit]
    names = short_names(keys)
    columns: dict[str, Sequence[object]] = {"": range(1, len(top) + 1) if in_order else [""] * len(top)}
    if len(objectives) > 1 and in_order:
        front = {id(one) for one in pareto(ranked, objectives)}
        columns["*"] = ["*" if id(one) in front else "" for one in top]
    if most == 1:
        columns[what] = [one.jobs[0].number for one in top]
    for key in keys:
        values = [shown_value(one.overrides.get(key, ""), _WIDEST) for one in top]
        are_numbers = all(number(value) is not None for value in values if value)
        columns[names[key]] = aligned(values) if are_numbers else values
    if most > 1:
        columns["n"] = [f"{len(one.jobs)}" if len(one.jobs) == most else f"{len(one.jobs)} of {most}" for one in top]
    for index, objective in enumerate(objectives):
        columns[objective.metric] = _estimates([one.estimates[index] for one in top])
    columns["epoch"] = _means([[job.best_epoch for job in one.jobs] for one in top], "g")
    columns["seconds"] = _means([[job.seconds for job in one.jobs] for one in top], ".1f")
    return table(list(columns), list(zip(*columns.values(), strict=True)))


def _estimates(estimates: Sequence[Estimate]) -> list[str]:
    """Return ``0.1010 ± 0.0042 [0.0906, 0.1114]`` for each, its parts below one another."""
    means = aligned([format_number(one.mean) for one in estimates])
    spreads = aligned(["" if one.std is None else f" ± {format_number(one.std)}" for one in estimates])
    ends = ["" if one.ci95 is None else " [{}, {}]".format(*map(format_number, one.ci95)) for one in estimates]
    return ["".join(parts) for parts in zip(means, spreads, ends, strict=True)]


def _means(groups: Sequence[Sequence[float | None]], form: str) -> list[str]:
    known = [[value for value in group if value is not None] for group in groups]
    return aligned([f"{round(statistics.fmean(group), 1):{form}}" if group else "" for group in known])


def _faults(jobs: Sequence[Job], objectives: Sequence[Objective], what: str) -> list[str]:
    """One line for each job that failed, or that is complete without a number to compare."""
    differ = varying(jobs)
    lines = []
    for job in jobs:
        why = clipped(job.error or "no reason is recorded", 160) if job.state == FAIL else ""
        missing = [one.metric for one in objectives if not math.isfinite(job.value(one.metric))]
        if job.state == COMPLETE and missing:
            why = f"{', '.join(missing)} missing or not finite"
        if why:
            given = [override_of(key, shown_value(job.overrides[key], 40)) for key in differ if key in job.overrides]
            lines.append(": ".join(filter(None, [f"{what} {job.number} {_STATES[job.state]}", " ".join(given), why])))
    return lines


def _counts(jobs: Sequence[Job], what: str) -> str:
    found = Counter(job.state for job in jobs)
    states = [*_STATES, *sorted(found.keys() - _STATES.keys())]
    named = [f"{found[state]} {_STATES.get(state, state.lower())}" for state in states if found[state]]
    return f"{len(jobs)} {what}{'' if len(jobs) == 1 else 's'}{': ' if named else ''}{', '.join(named)}"
