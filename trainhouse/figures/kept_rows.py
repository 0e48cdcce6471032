"""What is kept of a test for its figures: in memory that does not grow with the number of rows.

Of very many rows a sample, which is the same each time; of all rows the counts of classes, and the few that are worst.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from trainhouse.arrays.spec import DataSpec
from trainhouse.figures.about import About
from trainhouse.figures.measured import Measured, Picked

MOST_ROWS = 100_000
MOST_NUMBERS = 2_000_000  # of all kept rows together
MOST_CLASSES = 2000  # whose counts, of each against each, are kept: 32 MB
PICKED = 16
_AT_ONCE = 8192  # rows that are looked at together: a small batch costs as much as a large one


class KeptRows:
    """Takes the batches of a test, one after the other."""

    def __init__(self, spec: DataSpec, task: Any, numbers: np.ndarray, scale: np.ndarray | None = None) -> None:
        """`numbers` (N,) are those, in their file, of the rows that will come, in this order.

        `scale` (T,) is by what the errors of several targets are divided before their mean is taken.
        """
        self.spec, self.task, self.numbers, self.scale = spec, task, numbers, scale
        self._sample = sample_of(len(numbers), max(1, spec.outputs))
        self._seen = self._waiting_rows = 0
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []
        self._targets: list[np.ndarray] = []
        self._predictions: list[np.ndarray] = []
        self._positions: list[np.ndarray] = []
        counted = 0 < len(spec.classes) <= MOST_CLASSES
        self._counts = np.zeros((spec.outputs,) * 2, dtype=np.int64) if counted else None
        self._has_errors = callable(getattr(task, "row_errors", None))
        self._worst: Picked | None = None
        self._least_certain: Picked | None = None

    def add(self, targets: np.ndarray, predictions: np.ndarray) -> None:
        """Take a batch: targets (B,) or (B, T), and predictions (B, C) or (B, T)."""
        self._waiting.append((targets, predictions))
        self._waiting_rows += len(targets)
        if self._waiting_rows >= min(_AT_ONCE, MOST_NUMBERS // max(1, self.spec.outputs)):
            self._look()

    def _look(self) -> None:
        if not self._waiting:
            return
        targets, predictions = (np.concatenate(part) for part in zip(*self._waiting, strict=True))
        self._waiting, self._waiting_rows = [], 0
        first, end = self._seen, self._seen + len(targets)
        low, high = np.searchsorted(self._sample, (first, end))
        chosen = self._sample[low:high]
        self._positions.append(chosen)
        self._targets.append(targets[chosen - first])
        self._predictions.append(predictions[chosen - first])
        if self._counts is not None:
            size = self.spec.outputs
            codes = targets * size + self.task.decide(predictions)
            self._counts += np.bincount(codes, minlength=size**2).reshape(size, size)
        if self._has_errors:
            errors = self.row_errors(targets, predictions)
            errors = np.where(np.isnan(errors), np.inf, errors)  # what is no number at all is the worst
            self._worst = _first(self._worst, Picked(np.arange(first, end), errors, targets, predictions), sign=-1)
        if self.spec.outputs > 1 and self.spec.classes:
            margin = certainty(predictions)
            rows = Picked(np.arange(first, end), margin, targets, predictions)
            self._least_certain = _first(self._least_certain, rows, sign=1)
        self._seen = end

    def row_errors(self, targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """Return one error (N,) for each row: of several targets the mean of theirs, which the `scale` makes alike."""
        errors: np.ndarray = self.task.row_errors(targets, predictions)
        if errors.ndim == 1 or errors.shape[1] == 1:
            return errors.reshape(-1)
        mean: np.ndarray = (errors / (1 if self.scale is None else self.scale)).mean(axis=1)
        return mean

    def _error_name(self) -> str:
        name, targets = str(getattr(self.task, "error", "error")), self.spec.targets
        if self.spec.classes or not getattr(self.task, "scales_targets", True):
            return name
        return f"{name} of {targets[0]}" if len(targets) == 1 else f"{name}, in deviations of each target"

    def measured(
        self,
        about: About,
        stored: Callable[[np.ndarray], np.ndarray],
        predict: Callable[[np.ndarray], np.ndarray],
        weights: int,
    ) -> Measured | None:
        """Return what figures are drawn from; None if no row came. Arguments are those of `Measured`."""
        self._look()
        if not self._seen:
            return None
        return Measured(
            spec=self.spec,
            about=about,
            total=self._seen,
            positions=np.concatenate(self._positions),
            targets=np.concatenate(self._targets),
            predictions=np.concatenate(self._predictions),
            counts=self._counts,
            worst=self._worst,
            least_certain=self._least_certain,
            numbers=self.numbers,
            stored=stored,
            predict=predict,
            row_errors=self.row_errors if self._has_errors else None,
            error=self._error_name(),
            weights=weights,
        )


def sample_of(rows: int, width: int) -> np.ndarray:
    """Return the positions, in order, of the rows to keep: all, or one by chance out of each of many equal parts."""
    most = max(1, min(MOST_ROWS, MOST_NUMBERS // width))
    if rows <= most:
        return np.arange(rows)
    jitter = np.random.default_rng(0).random(most)
    return np.unique(((np.arange(most) + jitter) * (rows / most)).astype(np.int64).clip(max=rows - 1))


def scale_of(targets: np.ndarray) -> np.ndarray | None:
    """Return the deviation (T,) of each of several targets (N, T), from a sample; None of classes and of one target."""
    if targets.ndim == 1 or targets.shape[1] == 1:
        return None
    deviation = np.nanstd(targets[sample_of(len(targets), targets.shape[1])], axis=0, dtype=np.float64)
    return np.where(deviation > 0, deviation, 1.0)


def certainty(predictions: np.ndarray) -> np.ndarray:
    """Return (N,) by how much the likeliest of several classes is likelier than the second, from probabilities."""
    two = np.partition(predictions, -2, axis=1)[:, -2:]
    margin: np.ndarray = two[:, 1] - two[:, 0]
    return margin


def _first(before: Picked | None, new: Picked, sign: int) -> Picked:
    """Return the rows with the smallest values, with `sign` -1 the largest, of those picked `before` and new ones."""

    def best(parts: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        order = np.argsort(sign * parts[1], kind="stable")[:PICKED]
        return tuple(part[order] for part in parts)

    found = best(_parts(new))
    if before is not None:
        found = best(tuple(np.concatenate(pair) for pair in zip(_parts(before), found, strict=True)))
    return Picked(*found)


def _parts(picked: Picked) -> tuple[np.ndarray, ...]:
    return picked.positions, picked.values, picked.targets, picked.predictions
