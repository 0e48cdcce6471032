"""The rows of a table as arrays in files, written a stretch at a time."""

from dataclasses import replace
from math import prod
from pathlib import Path

import numpy as np

from trainhouse.arrays.moments import CHUNK_BYTES, Rounding
from trainhouse.arrays.spec import DataSpec
from trainhouse.arrays.texts import Strangers
from trainhouse.machine.files import atomic_write
from trainhouse.tables.cells import encode_columns
from trainhouse.tables.stored_cells import Cells


def write_features(
    cells: Cells, spec: DataSpec, path: Path, source: str, strangers: Strangers, may_be_narrower: bool
) -> DataSpec:
    """Write the spec's columns as a .npy file of rows (N, *input_shape), and return the spec with their dtype.

    If float64 rows `may_be_narrower`, they are float32 where that changes nothing that is learned. `strangers` learn of
    each text. Raises `UserError` for a value that the dtype can't hold.
    """
    if not may_be_narrower or spec.dtype != "float64":
        _write(cells, spec, path, source, strangers)
        return spec
    rounding = Rounding(spec.input_shape, spec.axis)
    narrow = replace(spec, dtype="float32")
    if _write(cells, spec, path, source, strangers, rounding):
        return narrow
    _write(cells, spec, path, source, Strangers(spec))
    return spec


def _write(
    cells: Cells, spec: DataSpec, path: Path, source: str, strangers: Strangers, rounding: Rounding | None = None
) -> bool:
    """Write the rows; with `rounding` as float32, unless it turns out on the way that this would not do."""
    dtype = np.dtype("float32" if rounding else spec.dtype)
    shape = (cells.num_rows, *spec.input_shape)
    step = max(1, CHUNK_BYTES // (8 * max(1, prod(spec.input_shape))))
    with atomic_write(path) as file:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for start, block in cells.blocks(spec.columns, step):
            rows = encode_columns(block, spec, source, strangers, start)
            if rounding:
                rounding.add(rows)
            with np.errstate(over="ignore"):
                file.write(np.ascontiguousarray(rows, dtype).data.cast("B"))
    return rounding is None or not rounding.changes_something


def write_labels(labels: np.ndarray, path: Path) -> None:
    """Write the labels as a .npy file."""
    with atomic_write(path) as file:
        np.save(file, labels)
