"""What files of numpy arrays say of rows beside features and labels."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from trainhouse.arrays.array_file import open_array
from trainhouse.arrays.beside import TEST, TRAIN, VAL, Beside, checked_weights
from trainhouse.arrays.unlabelled import read_for
from trainhouse.configuration.errors import UserError


def open_beside(files: Mapping[str, str | None], y: np.ndarray, prefix: str = "") -> Beside:
    """Return what the `files` named ``splits``, ``groups``, ``times`` and ``weights`` say of rows.

    `y` (N, ...) are their labels; `prefix` is that of the keys in the configuration, as ``test_``. Raises `UserError`
    for a file of another length, and for what it can't hold.
    """
    found: dict[str, Any] = {}
    rows, numbers = len(y), read_for(y)
    for name, file in files.items():
        if file is None:
            continue
        key = f"data.{prefix}{name}"
        array = open_array(file, key, may_be_dates=name == "times")
        if array.size != rows or len(array) != rows:
            raise UserError(f"{key}: {file} has shape {array.shape}, but there are {rows} rows of features")
        array = np.array(array).reshape(rows)
        found[name] = _checked(name, array if numbers is None else array[numbers], f"{key}: {file}")
    return Beside(**found, keys={name: f"data.{prefix}{name}" for name in files})


def _checked(name: str, array: np.ndarray, source: str) -> np.ndarray:
    if name == "weights":
        return checked_weights(array, source)
    if name == "splits":
        values = array.astype(np.int8)
        if array.dtype == bool:
            return np.where(array, TEST, TRAIN).astype(np.int8)
        if (values != array).any() or not np.isin(values, (TRAIN, VAL, TEST)).all():
            raise UserError(f"{source}: expected 0 (train), 1 (val) and 2 (test), or true and false for test")
        return values
    if array.dtype.kind in "fMm" and np.isnan(array).any():
        raise UserError(f"{source}: row {int(np.isnan(array).argmax())} has none; write one for each row")
    if name == "times":
        return array.astype(np.int64) if array.dtype.kind in "Mm" else array
    codes = array.astype(np.int64)
    if (codes != array).any():
        raise UserError(f"{source}: expected whole numbers, one for each group")
    if len(np.unique(codes)) < 2:
        raise UserError(f"{source}: every row is of one group, so nothing can be split")
    return codes
