"""Runs that repeat one another, as text: mean and deviation of what was measured."""

from collections.abc import Sequence

from trainhouse.reports.estimates import spreads
from trainhouse.reports.finished_runs import Run
from trainhouse.reports.likeness import is_loss
from trainhouse.reports.names import measure_of, split_of
from trainhouse.reports.run_configs import Configured

_TESTED = 3  # metrics of the test split that are shown


def tested(runs: Sequence[Run], metric: str) -> list[str]:
    """Return the metrics of the test split that runs have: what they were ranked by first, other losses last."""
    names = dict.fromkeys(name for run in runs for name in run.metrics if split_of(name) == "test")
    names.pop(metric, None)
    same = measure_of(metric)
    return sorted(names, key=lambda name: (measure_of(name) != same, is_loss(name)))[:_TESTED]


def means_line(one: Configured, metric: str) -> str:
    """Return the means of a metric, and of those of the test split, in a line."""
    shown = {name: spreads([one.estimate(name)])[0] for name in [metric, *tested(one.runs, metric)]}
    texts = [f"{name} {text}" for name, text in shown.items() if text]
    return f"mean of these {len(one.runs)} runs: {', '.join(texts)}"
