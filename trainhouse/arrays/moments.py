"""Mean and deviation of columns, taken in float64, and whether float32 holds a column well enough."""

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from trainhouse.configuration.errors import UserError

CHUNK_BYTES = 2**20  # 16 MiB took twice as long: as float64, and thrice over, they leave the processor's cache
FAR = 64  # deviations from 0 to the mean, from where on float32 would cost more than 2e-6 of a deviation
_SMALL = 1e-30  # the deviation below which float32 has few numbers left
_LEAST = 1e-140  # the square of a smaller difference is lost
_ROUNDING = 4 * np.finfo(np.float64).eps


class Moments:
    """Mean and deviation of columns of numbers, which come a chunk of rows at a time; NaN counts for nothing.

    What is summed are differences from each column's first number, so that a column far from 0 loses nothing.
    """

    def __init__(self, columns: int) -> None:
        """Begin without rows."""
        self.count = np.zeros(columns)
        self._first, self._mean, self._squares = np.zeros(columns), np.zeros(columns), np.zeros(columns)
        self._least, self._most = np.full(columns, np.inf), np.full(columns, -np.inf)

    def add(self, rows: np.ndarray) -> None:
        """Add float64 rows (n, columns); the array is used up."""
        if not len(rows):
            return
        missing = np.isnan(rows)
        known = len(rows) - missing.sum(axis=0, dtype=np.float64)
        new = self.count == 0
        self._first[new] = rows[np.argmin(missing, axis=0), np.arange(rows.shape[1])][new]
        np.copyto(self._first, 0, where=np.isnan(self._first))
        self._least = np.fmin(self._least, np.fmin.reduce(rows, axis=0))
        self._most = np.fmax(self._most, np.fmax.reduce(rows, axis=0))
        rows -= self._first
        any_missing = missing.any()
        if any_missing:
            rows[missing] = 0
        mean = rows.sum(axis=0) / np.maximum(known, 1)
        rows -= mean
        if any_missing:
            rows[missing] = 0
        # Merging the moments of chunks: Chan, Golub & LeVeque, 1979.
        total = self.count + known
        delta = mean - self._mean
        self._squares += np.square(rows, out=rows).sum(axis=0)
        self._squares += delta**2 * self.count * known / np.maximum(total, 1)
        self._mean += delta * known / np.maximum(total, 1)
        self.count = total

    @property
    def mean(self) -> np.ndarray:
        """The mean of each column; 0 of one without numbers."""
        return np.where(self._is_constant, self._first, self._first + self._mean)

    @property
    def std(self) -> np.ndarray:
        """The deviation of each column, of the whole as of a population; 1 of a constant one, which so becomes 0.

        Numbers that differ by no more than rounding are constant.
        """
        return np.where(self._is_constant, 1.0, np.sqrt(self._squares / np.maximum(self.count, 1)))

    @property
    def too_alike(self) -> np.ndarray:
        """The columns, by their numbers, whose values differ by less than can be measured."""
        return np.flatnonzero(~self._is_constant & (self._most - self._least < _LEAST))

    @property
    def _is_constant(self) -> np.ndarray:
        seen = self.count > 0
        least, most = np.where(seen, self._least, 0), np.where(seen, self._most, 0)
        return most - least <= _ROUNDING * np.maximum(np.abs(least), np.abs(most))


def chunks(x: np.ndarray, numbers: np.ndarray | None = None) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the rows (N, ...) numbered `numbers` (None: all) a stretch at a time, each with the place of its first.

    Data may be larger than memory: whatever looks at all rows goes through here.
    """
    step = max(1, CHUNK_BYTES // max(1, x[:1].nbytes))
    for start in range(0, len(x) if numbers is None else len(numbers), step):
        yield start, x[start : start + step] if numbers is None else x[numbers[start : start + step]]


def by_channel(rows: np.ndarray, axis: int | None) -> np.ndarray:
    """Return rows (N, ...) as (values, channels), where the channels lie along an axis of a row; None: as one."""
    if axis is None:
        return rows.reshape(-1, 1)
    moved = np.moveaxis(rows, axis + 1, -1)
    return moved.reshape(prod(moved.shape[:-1]), moved.shape[-1])  # -1 is not known where there are no channels


def moments_of(values: np.ndarray, names: Sequence[str] = ()) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation of the columns of (N, C). Raises `UserError` for one that can't be measured."""
    moments = Moments(values.shape[1])
    for _, chunk in chunks(values):
        moments.add(np.array(chunk, np.float64))
    refuse_too_alike(moments, "", names)
    return moments.mean, moments.std


def refuse_too_alike(moments: Moments, source: str, names: Sequence[str]) -> None:
    """Raise `UserError` for a column of numbers that are not equal, but nearly so."""
    for number in moments.too_alike[:1]:
        place = f"{source}: " if source else ""
        name = names[number] if len(names) else number
        raise UserError(f"{place}column {name}: its values differ by less than {_LEAST}; scale the column up")


def is_far(mean: Any, std: Any, far: float = FAR) -> Any:
    """Which columns float32 does not do justice: those far from 0, and those of a size for which it has few numbers."""
    return (abs(mean) > far * std) | (std < _SMALL) | (std > 1 / _SMALL)


class Rounding:
    """Whether rounding rows to float32 would change what is learned from them, channel by channel."""

    def __init__(self, shape: Sequence[int], axis: int | None = 0, far: float = FAR) -> None:
        """Rows have that `shape`; channels lie along `axis`, None: all numbers are of one."""
        self._axis, self._far = axis, far
        self._moments, self._is_rounded = Moments(1 if axis is None else shape[axis]), np.bool_(False)
        self._is_beyond = False

    def add(self, rows: np.ndarray) -> None:
        """Add rows (N, *shape), a chunk at a time."""
        for _, chunk in chunks(rows):
            if self._is_beyond:
                return
            values = by_channel(chunk, self._axis).astype(np.float64)
            with np.errstate(over="ignore"):
                rounded = values.astype(np.float32)
            if (np.isinf(rounded) & np.isfinite(values)).any():
                self._is_beyond = True  # until it is refused, with its value
                return
            values[np.isinf(values)] = np.nan  # which is refused elsewhere
            self._is_rounded = self._is_rounded | ((rounded != values) & ~np.isnan(values)).any(axis=0)
            self._moments.add(values)

    @property
    def changes_something(self) -> bool:
        """Whether float64 is needed for the rows so far."""
        is_far_away = is_far(self._moments.mean, self._moments.std, self._far)
        return self._is_beyond or bool((self._is_rounded & is_far_away).any())


def needs_float64(rows: np.ndarray, axis: int | None = 0, far: float = FAR) -> bool:
    """Whether rounding rows (N, ...) to float32 would change what is learned from them, channel by channel."""
    if np.can_cast(rows.dtype, np.float32):
        return False
    rounding = Rounding(rows.shape[1:], axis, far)
    rounding.add(rows)
    return rounding.changes_something
