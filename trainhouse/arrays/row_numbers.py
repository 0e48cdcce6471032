"""Recognises the row numbers that pandas and R write beside a table: a feature that is learned in place of all others.

In a table that is sorted by its label, or was put together class by class, the number of a row gives its label away.
"""

import re

import numpy as np
import pyarrow as pa

# An index that has no name, and what pandas calls it when the file is read again.
_WITHOUT_NAME = re.compile(r"(Unnamed: \d+(_level_\d+)?)?")
_INDEX_NAMES = ("index", "level_0", "rownames", "row_names", "row.names", "x")
_LEAST_ROWS = 5  # fewer are counted by many a column, by chance
_LOOK = 1024


def has_no_name(name: str) -> bool:
    """Whether a column is called as an index without a name is, whatever it holds."""
    return _WITHOUT_NAME.fullmatch(name.strip()) is not None


def find_row_numbers(table: pa.Table, columns: list[str]) -> list[str]:
    """Return those of the `columns` that have no name, count the rows, or are called an index and number them."""
    return [name for name in columns if has_no_name(name) or _numbers_rows(name, table.column(name))]


def left_out_line_of_arrays(names: list[str]) -> str:
    """Say which columns of a table are left out for a model that was trained on an array, which takes none of them."""
    return f"row numbers are left out ({_shown(names)})"


def left_out_line(names: list[str]) -> str:
    """Say which columns of a table are left out."""
    return f"row numbers are left out ({_shown(names)}); data.keep_index=true keeps them"


def _shown(names: list[str]) -> str:
    return ", ".join(f"column {name}" if name.strip() else "the column without a name" for name in names)


def _numbers_rows(name: str, column: pa.ChunkedArray) -> bool:
    if column.null_count or not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return False
    values = column.to_numpy()
    return counts_rows(values) or (name.strip().lower() in _INDEX_NAMES and counts_rows(np.sort(values)))


def counts_rows(values: np.ndarray) -> bool:
    """Whether the numbers (N,) are 0 ... N-1 or 1 ... N, in order. Of most columns only a few are read."""
    if len(values) < _LEAST_ROWS or values[0] not in (0, 1):
        return False
    some = np.linspace(0, len(values) - 1, min(len(values), _LOOK)).astype(np.int64)
    if not np.array_equal(values[some], some + int(values[0])):
        return False
    return np.array_equal(values, np.arange(len(values)) + int(values[0]))
