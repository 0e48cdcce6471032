"""Rows without a label: refused, or kept in their place and left out of every split (`data.unlabelled=drop`).

They keep their places so that the number of a row is always that in the file. What stands for their label is -1 among
classes and NaN among targets, and no split has them.
"""

from typing import Literal

import numpy as np

from trainhouse.configuration.errors import UserError

Unlabelled = Literal["error", "drop"]
WAY = "data.unlabelled=drop leaves such rows out"


def labelled(y: np.ndarray) -> np.ndarray | None:
    """Return the numbers of the rows of encoded labels (N,) or (N, T) that have one; None if all have."""
    lacks = y < 0 if y.ndim == 1 else np.isnan(y).any(axis=1)
    return np.flatnonzero(~lacks) if lacks.any() else None


def read_for(y: np.ndarray) -> np.ndarray | None:
    """Return for each row of encoded labels (N,) or (N, T) the number of the one whose group, time and weight it has.

    That is itself, or the first row with a label for one without, whose own may be missing; None if all have labels.
    """
    rows = labelled(y)
    if rows is None or not len(rows):
        return None
    numbers = np.full(len(y), rows[0])
    numbers[rows] = rows
    return numbers


def number_of(row: int, has_label: np.ndarray | None) -> int:
    """Return the number that a row, counted among those that `has_label` (N,), has among all."""
    return int(row if has_label is None else np.flatnonzero(has_label)[row])


def spread(y: np.ndarray, has_label: np.ndarray | None) -> np.ndarray:
    """Return the encoded labels of those of N rows for which `has_label` (N,) is true, in their places."""
    if has_label is None:
        return y
    whole = np.full((len(has_label), *y.shape[1:]), -1 if y.dtype.kind == "i" else np.nan, dtype=y.dtype)
    whole[has_label] = y
    return whole


def which_have_labels(labels: np.ndarray, unlabelled: str, source: str) -> np.ndarray | None:
    """Return for which rows (N,) labels (N,) or (N, T) are there, which NaN is not.

    None if all are. Raises `UserError` for rows without one, unless they are to be dropped, and where no row has one.
    """
    if labels.dtype.kind != "f":
        return None
    lacks = np.isnan(labels)
    lacks = lacks if lacks.ndim == 1 else lacks.reshape(len(lacks), -1).any(axis=1)
    rows = np.flatnonzero(lacks)
    if not len(rows):
        return None
    check_unlabelled(unlabelled)
    if unlabelled == "error":
        has = "1 row has no label: row" if len(rows) == 1 else f"{len(rows)} rows have no label; the first is row"
        raise UserError(f"{source}: {has} {rows[0]}; {WAY}")
    if len(rows) == len(labels):
        raise UserError(f"{source}: no row has a label")
    has_label: np.ndarray = ~lacks
    return has_label


def check_unlabelled(unlabelled: str) -> None:
    """Raise `UserError` for a value that the key doesn't take."""
    if unlabelled not in ("error", "drop"):
        raise UserError(f"data.unlabelled: expected error or drop, got '{unlabelled}'")
