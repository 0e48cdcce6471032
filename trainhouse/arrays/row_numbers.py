"""Recognises the row numbers that pandas and R write beside a table: a feature that is learned in place of all others.

In a table that is sorted by its label, or was put together class by class, the number of a row gives its label away.
"""

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

# An index that has no name, and what pandas calls it when the file is read again.
_WITHOUT_NAME = re.compile(r"(Unnamed: \d+(_level_\d+)?)?")
_INDEX_NAMES = ("index", "level_0", "rownames", "row_names", "row.names", "row", "id")
_PERHAPS = ("x",)  # R's name for one without a name, and that of many a feature
_LEAST_ROWS = 5  # fewer are counted by many a column, by chance
_LEAST_IN_ORDER = 20  # fewer are in order by chance
_LOOK = 1024


def has_no_name(name: str) -> bool:
    """Whether a column is called as an index without a name is, whatever it holds."""
    return _WITHOUT_NAME.fullmatch(name.strip()) is not None


def find_row_numbers(table: "pa.Table", columns: list[str]) -> list[str]:
    """Return those of the `columns` that count the rows, or are called an index and number them.

    Without a name the first column is one whatever it holds, others if they hold whole numbers alone, or nothing.
    """
    return [name for name in columns if _is_of_rows(name, table)]


def _is_of_rows(name: str, table: "pa.Table") -> bool:
    column = table.column(name)
    if not has_no_name(name):
        return _numbers_rows(name, column)
    if name == table.column_names[0] or column.null_count == len(column):
        return True
    values = _numbers(column) if _is_numeric(column) else None
    return values is not None and (values.dtype.kind in "iu" or bool((values == np.floor(values)).all()))


def left_out_line(names: list[str]) -> str:
    """Say which columns of a table are left out."""
    shown = ", ".join(f"column {name}" if name.strip() else "the column without a name" for name in names)
    return f"row numbers are left out ({shown})"


def in_order_lines(table: "pa.Table", columns: list[str]) -> list[str]:
    """Say which of the `columns`, if any, may number the rows: which is no feature, or be a time, which is one."""
    names = [name for name in columns if _is_in_order_column(table.column(name))]
    listed = ", ".join(names)
    way = f"leave out with data.drop=[{','.join(names)}], or set data.keep_index=true"
    return [f"column {listed}: whole numbers in order, which may number the rows; {way}"] if names else []


def _numbers_rows(name: str, column: "pa.ChunkedArray") -> bool:
    """Whether a column counts the rows; in any order only if it is called as an index is."""
    if not _is_numeric(column):
        return False
    name = name.strip().lower()
    if name not in (*_INDEX_NAMES, *_PERHAPS) and not is_in_order(_numbers(column.slice(0, _LEAST_ROWS)), least=0):
        return False  # most columns need no reading
    values = _numbers(column)
    counts = not column.null_count and (
        counts_rows(values) or (name in (*_INDEX_NAMES, *_PERHAPS) and counts_rows(np.sort(values)))
    )
    return bool(counts or (name in _INDEX_NAMES and is_in_order(values)))


def _is_in_order_column(column: "pa.ChunkedArray") -> bool:
    if not _is_numeric(column) or not is_in_order(_numbers(column.slice(0, _LEAST_IN_ORDER)), least=0):
        return False
    return is_in_order(_numbers(column))


def _is_numeric(column: "pa.ChunkedArray") -> bool:
    from pyarrow.types import is_floating, is_integer  # of tables only, and takes a while

    return bool(is_integer(column.type) or is_floating(column.type))


def _numbers(column: "pa.ChunkedArray") -> np.ndarray:
    numbers: np.ndarray = column.drop_null().to_numpy()
    return numbers


def in_order_at_first(x: np.ndarray) -> list[int]:
    """Return which columns of rows (N, F) only rise or only fall in the first few rows: all others need no reading."""
    head = x[:_LEAST_IN_ORDER]
    rises, falls = (head[1:] > head[:-1]).all(axis=0), (head[1:] < head[:-1]).all(axis=0)
    return np.flatnonzero(rises | falls).tolist()


def is_in_order(values: np.ndarray, least: int = _LEAST_IN_ORDER) -> bool:
    """Whether numbers (N,), at `least` so many, are whole and only rise or only fall; of most only a few are read."""
    if len(values) < least:
        return False
    some = np.linspace(0, len(values) - 1, min(len(values), _LOOK)).astype(np.int64)
    return _is_in_order(values[some]) and _is_in_order(values)


def _is_in_order(values: np.ndarray) -> bool:
    is_whole = values.dtype.kind in "iu" or bool((values == np.floor(values)).all())
    return is_whole and bool((values[1:] > values[:-1]).all() or (values[1:] < values[:-1]).all())


def counts_rows(values: np.ndarray) -> bool:
    """Whether the numbers (N,) are 0 ... N-1 or 1 ... N, in order. Of most columns only a few are read."""
    if len(values) < _LEAST_ROWS or values[0] not in (0, 1):
        return False
    some = np.linspace(0, len(values) - 1, min(len(values), _LOOK)).astype(np.int64)
    if not np.array_equal(values[some], some + int(values[0])):
        return False
    return np.array_equal(values, np.arange(len(values)) + int(values[0]))
