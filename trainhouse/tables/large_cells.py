"""Whole numbers in a table that are too large for what they are read as."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from trainhouse.arrays.whole_numbers import EXACT, refuse_too_large
from trainhouse.tables.cells import read_cells


def refuse_too_large_cells(table: pa.Table, columns: list[str], labels: str | None, path: Path) -> None:
    """Raise `UserError` if float64 would round away what tells the numbers of one of the `columns` apart.

    The table is that of `path`. The column of `labels` may hold large classes, if as integers. A column beyond what 64
    bits hold is read as float64 already, so its cells are read again, as text.
    """
    doubtful = []
    for name in columns:
        kind, numbers = table.column(name).type, table.column(name).drop_null()
        if pa.types.is_integer(kind) and name != labels:
            refuse_too_large(numbers.to_numpy(), f"{path}: column {name}", _leave_out(name, labels))
        elif pa.types.is_floating(kind) and len(numbers):
            size = np.abs(numbers.to_numpy())
            if np.isfinite(size).all() and (size > EXACT).all():
                doubtful.append(name)
    texts = read_cells(path, doubtful) if doubtful else table
    for name in doubtful:
        cells = texts.column(name).filter(table.column(name).is_valid()).to_pylist()
        exact: list[Any] = [Decimal(text.strip()) for text in cells]
        if all(number.is_finite() and number == int(number) for number in exact):
            whole = np.array([int(number) for number in exact], dtype=object)
            refuse_too_large(whole, f"{path}: column {name}", _leave_out(name, labels))


def _leave_out(name: str, labels: str | None) -> str:
    return "" if name == labels else f", or leave the column out with data.drop=[{name}]"
