"""The rows of a table as arrays in files, written a stretch at a time."""

from dataclasses import replace
from math import prod
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainhouse.arrays.moments import CHUNK_BYTES, FAR, Rounding
from trainhouse.arrays.spec import DataSpec
from trainhouse.arrays.texts import Strangers
from trainhouse.machine.files import atomic_write
from trainhouse.tables.cells import encode_columns
from trainhouse.tables.stored_cells import Cells

_MARGIN = 2.0  # of the limits: sums of another order may differ in their last digits
_SMALL, _LARGE = 1e-30, 1e15  # deviations; no finite number of a million is then beyond float32


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
    narrow = replace(spec, dtype="float32")
    if _is_near(cells, spec):
        _write(cells, narrow, path, source, strangers)
        return narrow
    rounding = Rounding(spec.input_shape, spec.axis)
    if _write(cells, spec, path, source, strangers, rounding):
        return narrow
    _write(cells, spec, path, source, Strangers(spec))
    return spec


def _is_near(cells: Cells, spec: DataSpec) -> bool:
    """Whether it is clear without a copy of the columns that none is so far from 0 that float32 would not do.

    What is near the limits is left to `Rounding`.
    """
    if spec.input_shape != (len(spec.columns),) or spec.axis != 0:
        return False
    for name in spec.columns:
        column = cells.column(name)
        if name in (spec.categories or {}):
            continue
        if not pa.types.is_integer(column.type) and not pa.types.is_floating(column.type):
            return False
        mean, std = (float(found.as_py() or 0.0) for found in (pc.mean(column), pc.stddev(column)))
        if not (abs(mean) * _MARGIN < FAR * std and _MARGIN * _SMALL < std < _LARGE):
            return False
    return True


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
