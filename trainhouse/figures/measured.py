"""What a figure of a test is drawn from: some rows of a split, what a model says of them, and counts of all rows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trainhouse.arrays.spec import DataSpec
from trainhouse.figures.about import About

_MOST_NAMED = 5  # classes in a caption


@dataclass(frozen=True)
class Picked:
    """A few rows: the worst, or those of which a model is least sure; the first is the most so."""

    positions: np.ndarray
    """In the order in which rows were measured, from 0."""
    values: np.ndarray
    """The error, or the certainty."""
    targets: np.ndarray
    predictions: np.ndarray


@dataclass(frozen=True)
class Measured:
    """Rows of a split and what a model says of them. n of `total` rows are here: all, or a sample of very many."""

    spec: DataSpec
    about: About
    total: int
    positions: np.ndarray
    """(n,) in the order in which rows were measured, from 0 to `total` - 1."""
    targets: np.ndarray
    """(n,) class codes, or (n, T) values."""
    predictions: np.ndarray
    """(n, C) probabilities, or (n, T) values."""
    counts: np.ndarray | None
    """(C, C) of all rows, true classes in rows; None without classes."""
    worst: Picked | None
    least_certain: Picked | None
    numbers: np.ndarray
    """(`total`,) the number of each measured row in its file, from 0."""
    stored: Callable[[np.ndarray], np.ndarray]
    """Maps positions (k,) to rows (k, *input_shape) as they are stored."""
    predict: Callable[[np.ndarray], np.ndarray]
    """Maps stored rows to predictions."""
    row_errors: Callable[[np.ndarray, np.ndarray], np.ndarray] | None
    """Maps targets and predictions to how wrong each row is (N,); `error` says in words what that is."""
    error: str
    weights: int
    """The number of the model's weights: what a prediction costs goes by it."""

    @property
    def n(self) -> str:
        """The number of rows, as a caption has it."""
        sample = "" if len(self.targets) == self.total else f", a sample of {self.total:,}"
        return f"n = {rows_of(len(self.targets))}{sample}"


def rows_of(count: int) -> str:
    """Return a number of rows, as a caption has it."""
    return f"{count:,} row{'s' * (count != 1)}"


def some_names(measured: Measured, codes: np.ndarray) -> str:
    """Return the names of classes for a caption, and how many more there are."""
    from trainhouse.figures.style import label

    shown = ", ".join(label(measured.spec.classes[code], 24) for code in codes[:_MOST_NAMED])
    return shown if len(codes) <= _MOST_NAMED else f"{shown} and {len(codes) - _MOST_NAMED} more"
