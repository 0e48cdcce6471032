"""Refuses rows with a number that is infinite, or missing where that is not allowed."""

import numpy as np

from trainhouse.arrays.moments import chunks
from trainhouse.arrays.spec import Rows
from trainhouse.configuration.errors import UserError


def check_rows(rows: Rows, source: str, missing: str, columns: tuple[str, ...]) -> None:
    """Raise `UserError` for the first number in any row that is not finite, reading a chunk at a time."""
    for start, chunk in chunks(rows.x):
        check_finite(chunk, start, source, missing, columns)


def check_finite(
    chunk: np.ndarray, start: int, source: str, missing: str = "error", columns: tuple[str, ...] = ()
) -> None:
    """Raise `UserError` for the first number in raw rows that is not finite; `start` is the first row's number.

    A number too large for float32, as which it is used, counts as infinite.
    """
    if chunk.dtype.kind != "f":
        return
    with np.errstate(over="ignore"):
        stored = chunk.astype(np.float32, copy=False)
    wrong = np.isinf(stored) if missing == "mean" else ~np.isfinite(stored)
    if wrong.any():
        row, *column = np.argwhere(wrong)[0]
        where = columns[column[0]] if columns and len(column) == 1 else ", ".join(map(str, column))
        value = chunk[row, *column]
        hint = "; correct it, or leave the row out"
        if np.isnan(value):
            hint = "; only a model trained with data.missing=mean takes missing numbers"
        elif np.isfinite(value):
            hint = ", too large for float32; scale the column down"
        elif chunk.dtype == np.float32:  # it may have been a number of float64 in its file
            hint = ", or too large for float32; correct it, or leave the row out"
        raise UserError(f"{source}: row {start + row}, column {where} is {value}{hint}")
