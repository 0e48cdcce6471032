"""Numbers far outside what a model was trained on, columns that are missing in every row, and rows without anything.

What a model says of the first is no more than a line drawn on; the others it takes for the training mean.
"""

import logging
from collections.abc import Iterable, Iterator

import numpy as np

from trainhouse.arrays.digits import shown_date, shown_within
from trainhouse.arrays.moments import chunks
from trainhouse.arrays.spec import DataSpec

_log = logging.getLogger(__name__)

_FAR = 3.0
_SHOWN = 3

Range = tuple[float, float] | None


class FarNumbers:
    """Counts numbers that lie thrice as far from those of training as the farthest of these lie from one another."""

    def __init__(self, spec: DataSpec, numbers: np.ndarray | None = None) -> None:
        """Know the ranges of the model's `spec`, if it has some. `numbers` are those of the rows (None: 0, 1, ...)."""
        self.spec, self.numbers = spec, numbers
        ends = [(-np.inf, np.inf) if ends is None else ends for ends in spec.ranges]
        low, high = np.array(ends, dtype=np.float64).reshape(-1, 2).T
        slack = _FAR * np.where(high > low, high - low, np.maximum(np.abs(high), 1.0))
        self.low, self.high = low - slack, high + slack
        self.counts = np.zeros(len(low), dtype=np.int64)
        self.first: dict[int, tuple[int, float]] = {}
        self.rows = 0

    def add(self, rows: np.ndarray) -> None:
        """Count stored rows (B, *input_shape)."""
        if len(self.counts):
            flat = rows.reshape(len(rows), -1)
            with np.errstate(over="ignore"):
                kind = flat.dtype if flat.dtype.kind == "f" else np.float64
                far = (flat < self.low.astype(kind)) | (flat > self.high.astype(kind))
            if far.any():
                one_range = len(self.counts) < flat.shape[1]
                self._keep(flat, np.any(far, axis=1)[:, None] if one_range else far)
        self.rows += len(rows)

    def _keep(self, flat: np.ndarray, far: np.ndarray) -> None:
        """Count what is far, and remember the farthest number of the first row that has one: a line shows it."""
        self.counts += far.sum(axis=0)
        for place in np.flatnonzero(far.any(axis=0)).tolist():
            if place not in self.first:
                row = int(np.argmax(far[:, place]))
                values = flat[row] if far.shape[1] < flat.shape[1] else flat[row, place : place + 1]
                self.first[place] = self.rows + row, float(values[np.argmax(np.abs(values))])

    def lines(self) -> list[str]:
        """Return a line for each of the columns with the most of them, and one for what is left out."""
        places = [place for place in np.argsort(-self.counts, kind="stable").tolist() if self.counts[place]]
        lines = [self._line(place) for place in places[:_SHOWN]]
        more = len(places) - _SHOWN
        return lines + ([f"{more} more columns have numbers far outside those of training"] if more > 0 else [])

    def _line(self, place: int) -> str:
        ends, (row, value) = self.spec.ranges[place], self.first[place]
        row = row if self.numbers is None else int(self.numbers[row])
        assert ends is not None
        name = self.spec.columns[place] if self.spec.columns else str(place)
        what = f"column {name}: " if len(self.counts) > 1 or self.spec.columns else ""
        is_date = bool(self.spec.columns) and name in (self.spec.dates or {})
        low, high, found = (shown_date(one) if is_date else shown_within(one, *ends) for one in (*ends, value))
        unit = "numbers are" if what else "rows have numbers"
        return (
            f"{what}{self.counts[place]} of {self.rows} {unit} far outside the {low} to {high} of training; row {row} "
            f"has {found}"
        )


class MissingColumns:
    """Finds the columns of plain rows that hold nothing in any row."""

    def __init__(self, spec: DataSpec) -> None:
        """Text that is missing has the code -1; what is unknown too, but never in all rows: that is refused."""
        self.spec = spec
        self.places = np.arange(_width(spec))
        self.lowest = _lowest(spec)

    def add(self, rows: np.ndarray) -> None:
        """Look at stored rows (B, F): after a batch or two there is hardly a column left to look at."""
        if len(self.places):
            is_there = (rows[:, self.places] >= self.lowest[self.places]).any(axis=0)  # which NaN never is
            self.places = self.places[~is_there]

    def lines(self) -> list[str]:
        """Return a line that names them, if there are any."""
        names = [self.spec.columns[place] if self.spec.columns else str(place) for place in self.places[:_SHOWN]]
        more = len(self.places) - len(names)
        also = f" and {more} more" if more else ""
        return [f"nothing in column {', '.join(names)}{also} in any row"] if names else []


class EmptyRows:
    """Counts plain rows that hold nothing: the empty lines at the end of what a spreadsheet saves."""

    def __init__(
        self, spec: DataSpec, numbers: np.ndarray | None = None, nothing: str = "nothing that the model knows"
    ) -> None:
        """`numbers` are those of the rows (None: 0, 1, ...). A string that is unknown is as good as none."""
        self.lowest, self.numbers, self.nothing = _lowest(spec), numbers, nothing
        self.width = _width(spec)
        self.count = self.rows = self.first = 0

    def add(self, rows: np.ndarray) -> None:
        """Look at stored rows (B, F), column by column, of those rows alone that are empty so far."""
        empty = np.arange(len(rows) if self.width else 0)
        for place in range(self.width):
            if not len(empty):
                break
            empty = empty[~(rows[empty, place] >= self.lowest[place])]
        if len(empty) and not self.count:
            self.first = self.rows + int(empty[0])
        self.count += len(empty)
        self.rows += len(rows)

    def lines(self) -> list[str]:
        """Return a line that counts them, if there are any; if all are, `MissingColumns` says so."""
        if self.count in (0, self.rows):
            return []
        first = self.first if self.numbers is None else int(self.numbers[self.first])
        if self.count == 1:
            return [f"1 of {self.rows} rows holds {self.nothing}: row {first}"]
        return [f"{self.count} of {self.rows} rows hold {self.nothing}; the first is row {first}"]


class LackingRows:
    """Counts, for each column of plain rows, those that hold nothing in it."""

    def __init__(self, spec: DataSpec) -> None:
        self.spec, self.lowest = spec, _lowest(spec)
        self.counts = np.zeros(_width(spec), dtype=np.int64)

    def add(self, rows: np.ndarray) -> None:
        """Look at stored rows (B, F)."""
        if not len(self.counts):
            return
        with np.errstate(all="ignore"):
            is_sure = not self.spec.categories and not np.isnan(rows.sum())  # a fifth of the time of counting
        if not is_sure:
            lowest = self.lowest.astype(rows.dtype) if rows.dtype.kind == "f" else self.lowest
            self.counts += len(rows) - np.count_nonzero(rows >= lowest, axis=0)

    def by_name(self) -> dict[str, int]:
        """Return the counts that are not 0, by the column's name or number."""
        names = self.spec.columns or tuple(map(str, range(len(self.counts))))
        return {name: count for name, count in zip(names, self.counts.tolist(), strict=False) if count}


def _width(spec: DataSpec) -> int:
    """How many columns may be empty: none of bytes, and none of rows of more than one dimension."""
    return spec.input_shape[0] if len(spec.input_shape) == 1 and spec.dtype != "uint8" else 0


def _lowest(spec: DataSpec) -> np.ndarray:
    """The least value of each column that is something: text that is missing has the code -1."""
    texts = spec.categories or {}
    return np.array([0.0 if name in texts else -np.inf for name in spec.columns] or [-np.inf] * _width(spec))


def watched(
    batches: Iterable[np.ndarray], spec: DataSpec, source: str, numbers: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Yield batches of stored rows as they come; after the last one, say what is far outside, and what is missing.

    The rows are those numbered `numbers` of the source (None: the first ones).
    """
    watching = FarNumbers(spec, numbers), MissingColumns(spec), EmptyRows(spec, numbers)
    for batch in batches:
        for one in watching:
            one.add(batch)
        yield batch
    for line in [line for one in watching for line in one.lines()]:
        _log.warning("warning: %s: %s", source, line)


def find_ranges(
    x: np.ndarray, numbers: np.ndarray | None, spec: DataSpec, *counting: EmptyRows | LackingRows
) -> tuple[Range, ...]:
    """Return the least and the greatest number of each column of the rows numbered `numbers` (None: all).

    Rows of more than one dimension have one range for all of their numbers. A column of text, or without a number, has
    none, and neither have bytes, which are never far. In the same pass the rows are shown to what is `counting`.
    """
    is_plain = len(spec.input_shape) == 1
    if spec.dtype == "uint8":
        return ()
    width = spec.input_shape[0] if is_plain else 1
    low, high = np.full(width, np.inf), np.full(width, -np.inf)
    for _, chunk in chunks(x, numbers):
        for one in counting:
            one.add(chunk)
        values = chunk if is_plain else chunk.reshape(-1, 1)
        low = np.fmin(low, np.fmin.reduce(values, axis=0))
        high = np.fmax(high, np.fmax.reduce(values, axis=0))
    texts = [name in (spec.categories or {}) for name in spec.columns] or [False] * width
    return tuple(
        None if is_text or not (np.isfinite(one) and np.isfinite(other)) else (float(one), float(other))
        for one, other, is_text in zip(low, high, texts, strict=True)
    )
