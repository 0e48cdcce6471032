"""Raw rows from a file, as a model takes them: for inference, in batches, without ever holding all of them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from trainhouse.arrays.array_file import open_array, stream_array
from trainhouse.arrays.finite_rows import check_finite
from trainhouse.arrays.label_place import without_labels
from trainhouse.arrays.npz import stream_npz
from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.errors import UserError
from trainhouse.tables.one_file import Keys
from trainhouse.tables.table_files import ENDINGS as TABLES
from trainhouse.tables.table_files import is_several, kind_of

ENDINGS = (".npy", ".npz", *TABLES)


def read_raw_rows(
    path: Path, spec: DataSpec, batch_size: int, keys: Keys | None = None
) -> tuple[int | None, Iterator[np.ndarray]]:
    """Return the number of rows (None for a table, which doesn't say) and their batches (B, *input_shape).

    Rows may be flattened, and may have the label where the rows had it that were trained on; a table may have its
    columns in any order, and is read as the `keys` say. Raises `UserError`, at once or with the batch concerned, for
    rows that are not like those the model was trained on.
    """
    is_array = path.suffix in (".npy", ".npz")
    if not (is_array or kind_of(path) or is_several(path) or path.is_dir()):
        raise UserError(f"input: expected a name that ends in {', '.join(ENDINGS)}, got {path}")
    if is_array and not path.is_file():
        kind = "is a folder" if path.is_dir() else "does not exist"
        raise UserError(f"input: {path} {kind} (relative paths start at {Path.cwd()})")
    if not is_array:
        from trainhouse.tables.cells import stream_table

        return None, _checked(_rebatched(stream_table(path, "input", spec, keys or Keys()), batch_size), spec, path)
    if path.suffix == ".npz":
        shape, batches = stream_npz(path, batch_size)
    else:
        array = open_array(path, "input")
        shape, batches = array.shape, stream_array(array, batch_size, f"input: {path}")
    if written := [*(spec.categories or ()), *(spec.dates or ())]:
        named = ", ".join(written)
        raise UserError(f"input: {path} is an array, but the model needs columns {named} as text; give a table")
    batches = without_labels(batches, shape[1:], spec, f"input: {path}")
    return shape[0], _checked((_in_shape(batch, spec, f"input: {path}") for batch in batches), spec, path)


def _in_shape(batch: np.ndarray, spec: DataSpec, source: str) -> np.ndarray:
    """Bring rows to the stored shape and dtype."""
    rows = batch.reshape(len(batch), -1)
    with np.errstate(invalid="ignore", over="ignore"):  # what doesn't fit is refused below, or as not finite
        stored = np.ascontiguousarray(rows).astype(spec.dtype, copy=False)
    if spec.dtype == "uint8" and rows.dtype != np.uint8 and (stored != rows).any():
        raise UserError(f"{source} holds values that are no whole numbers from 0 to 255, as the model was trained on")
    return stored.reshape(-1, *spec.input_shape)


def _checked(batches: Iterator[np.ndarray], spec: DataSpec, path: Path) -> Iterator[np.ndarray]:
    """Refuse what is not finite, by its row: what a model makes of it looks like any other prediction."""
    start = 0
    for batch in batches:
        check_finite(batch, start, f"input: {path}", spec.missing, spec.columns)
        yield batch
        start += len(batch)


def _rebatched(blocks: Iterator[np.ndarray], batch_size: int) -> Iterator[np.ndarray]:
    """Cut blocks of any length into batches of `batch_size` rows; the last one may be smaller."""
    waiting: list[np.ndarray] = []
    count = 0
    for block in blocks:
        waiting.append(block)
        count += len(block)
        if count >= batch_size:
            rows = np.concatenate(waiting)
            whole = count - count % batch_size
            yield from (rows[start : start + batch_size] for start in range(0, whole, batch_size))
            waiting, count = [rows[whole:]], count - whole
    if count:
        yield np.concatenate(waiting)
