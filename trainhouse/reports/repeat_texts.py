"""Runs that repeat one another, as text: mean and deviation of what was measured."""

import math
from collections.abc import Sequence

from trainhouse.reports.aligned_table import aligned
from trainhouse.reports.finished_runs import Run
from trainhouse.reports.likeness import is_loss
from trainhouse.reports.names import measure_of, split_of
from trainhouse.reports.numbers import format_number
from trainhouse.reports.run_configs import Configured, mean_and_deviation

_TESTED = 3  # metrics of the test split that are shown


def tested(runs: Sequence[Run], metric: str) -> list[str]:
    """Return the metrics of the test split that runs have: what they were ranked by first, other losses last."""
    names = dict.fromkeys(name for run in runs for name in run.metrics if split_of(name) == "test")
    names.pop(metric, None)
    same = measure_of(metric)
    return sorted(names, key=lambda name: (measure_of(name) != same, is_loss(name)))[:_TESTED]


def numbers(values: Sequence[float]) -> list[str]:
    """Return values below one another; nothing where there is none."""
    return aligned(["" if math.isnan(value) else format_number(value) for value in values])


def spreads(rows: Sequence[Configured], metric: str) -> list[str]:
    """Return ``0.1010 ± 0.0042`` for each, its parts below one another."""
    found = [mean_and_deviation(row.values(metric)) for row in rows]
    means = numbers([mean for mean, _ in found])
    ends = aligned(["" if std is None else f" ± {format_number(std)}" for _, std in found])
    return ["".join(parts).rstrip() for parts in zip(means, ends, strict=True)]


def means_line(one: Configured, metric: str) -> str:
    """Return the means of a metric, and of those of the test split, in a line."""
    texts = [f"{name} {text}" for name in [metric, *tested(one.runs, metric)] if (text := spreads([one], name)[0])]
    return f"mean of these {len(one.runs)} runs: {', '.join(texts)}"
