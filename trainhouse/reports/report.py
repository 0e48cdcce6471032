"""Metrics as text."""

from collections.abc import Sequence

import numpy as np

from trainhouse.reports.names import of_split
from trainhouse.reports.numbers import shown
from trainhouse.reports.table import table


def metrics_line(metrics: dict[str, float], split: str) -> str:
    """Return one split's metrics in a line, as ``loss 0.1234  acc 0.9876``."""
    return "  ".join(f"{name} {shown(value)}" for name, value in of_split(metrics, split).items())


def per_class_table(measures: dict[str, np.ndarray], classes: Sequence[str]) -> str:
    """Return precision, recall and F1 of each class as a table."""
    rows = [[name, *(values[index].item() for values in measures.values())] for index, name in enumerate(classes)]
    return table(["class", *measures], rows)
