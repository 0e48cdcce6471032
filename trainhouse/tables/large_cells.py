"""Whole numbers in a table that are too large for what they are read as."""

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainhouse.arrays.texts import is_number
from trainhouse.arrays.whole_numbers import EXACT, refuse_too_large
from trainhouse.tables.source import Table, read_all

_LOOK = 1024


def refuse_too_large_cells(table: pa.Table, columns: list[str], labels: str | None, opened: Table) -> None:
    """Raise `UserError` if float64 would round away what tells the numbers of one of the `columns` apart.

    The table is what was `opened`. The column of `labels` may hold large classes, if as integers. A column beyond what
    64 bits hold is read as float64 already, so its cells are read again, as text.
    """
    doubtful = []
    for name in columns:
        column = table.column(name)
        if pa.types.is_integer(column.type) and name != labels:
            if _reaches_beyond(column):
                numbers = column.drop_null().to_numpy()
                refuse_too_large(numbers, f"{opened.path}: column {name}", _leave_out(name, labels))
        elif pa.types.is_floating(column.type) and _begins_beyond(column):
            size = np.abs(column.drop_null().to_numpy())
            if np.isfinite(size).all() and (size > EXACT).all():
                doubtful.append(name)
    texts = read_all(opened, doubtful, dict.fromkeys(doubtful, pa.string())) if doubtful else table
    for name in doubtful:
        cells = texts.column(name).filter(table.column(name).is_valid()).to_pylist()
        exact: list[Any] = [Decimal(text.strip()) for text in cells if is_number(text)]
        if len(exact) == len(cells) and all(number.is_finite() and number == int(number) for number in exact):
            whole = np.array([int(number) for number in exact], dtype=object)
            refuse_too_large(whole, f"{opened.path}: column {name}", _leave_out(name, labels))


def _reaches_beyond(column: pa.ChunkedArray) -> bool:
    """Whether there may be a number that float64 can't hold: most columns need no copy to know that there is none."""
    found = pc.min_max(column).as_py()
    return found["min"] is not None and max(-found["min"], found["max"]) > EXACT


def _begins_beyond(column: pa.ChunkedArray) -> bool:
    first = column.slice(0, _LOOK).drop_null()
    return (len(first) > 0 and bool((np.abs(first.to_numpy()) > EXACT).all())) or (
        not len(first) and column.null_count < len(column)
    )


def _leave_out(name: str, labels: str | None) -> str:
    return "" if name == labels else f", or leave the column out with data.drop=[{name}]"
