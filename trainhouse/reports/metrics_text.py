"""Metrics as text."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from trainhouse.machine.numbers import format_number
from trainhouse.reports.aligned_table import table
from trainhouse.reports.names import logged_once, of_split, split_of


def metrics_line(metrics: dict[str, float], split: str) -> str:
    """Return one split's metrics in a line, as ``loss 0.1234  acc 0.9876``."""
    found = of_split(metrics, split)
    return "  ".join(f"{_shown(name, found)} {format_number(value)}" for name, value in found.items())


def _shown(name: str, others: Iterable[str]) -> str:
    """Return a metric's name; of an F1 that is a mean, and stands beside that of one class, what it is."""
    return "f1 (mean)" if name == "f1" and any(other.startswith("f1_") for other in others) else name


def metrics_lines(metrics: dict[str, float], splits: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield a line for each of `splits` that has metrics, and one for those whose names say no split, as ``vl``."""
    metrics = logged_once(metrics)
    for split in splits:
        if line := metrics_line(metrics, split):
            yield split, line
    if others := [f"{name} {format_number(value)}" for name, value in metrics.items() if split_of(name) is None]:
        yield "logged", "  ".join(others)


def per_class_table(measures: dict[str, np.ndarray], classes: Sequence[str], what: str = "class") -> str:
    """Return precision, recall and F1 of each class, or of `what` they are, as a table."""
    rows = [[name, *(values[index].item() for values in measures.values())] for index, name in enumerate(classes)]
    means = ["" if name == "rows" else values.mean().item() for name, values in measures.items()]
    rows.append([f"mean of {what}s" if what == "label" else "mean of classes", *means])
    return table([what, *measures], rows)
