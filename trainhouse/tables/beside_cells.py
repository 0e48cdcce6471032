"""What the cells of columns that are no features stand for: groups, times, weights, as they are written."""

import hashlib
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainhouse.arrays.beside import checked_weights
from trainhouse.arrays.texts import is_number
from trainhouse.configuration.errors import UserError
from trainhouse.tables.date_formats import likely_format
from trainhouse.tables.dates import ISO, ISO_UTC, TIME, fits, seconds_of
from trainhouse.tables.kinds import NOTHING

_WHOLE = re.compile(r"([+-]?\d+)\.0*", re.ASCII)


def text_of(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return cells as text (N,), "" for missing ones."""
    return pc.fill_null(column.cast(pa.string()), "")


def _without_point(text: str) -> str:
    found = _WHOLE.fullmatch(text)
    return found[1] if found else text


def groups_of(column: pa.ChunkedArray, source: str) -> np.ndarray:
    """Return a number for each row (N,) that is the same for the same text, in any file; 12.0 is 12."""
    cells = text_of(column).combine_chunks()
    cells = (cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells).dictionary_encode()
    texts = [_without_point(text) for text in cells.dictionary.to_pylist()]  # as pandas writes whole numbers with gaps
    places = cells.indices.to_numpy()
    if "" in texts:
        row = int(np.flatnonzero(places == texts.index(""))[0])
        raise UserError(f"{source}: row {row} has no group; write one for each row")
    if len({*texts}) < 2:
        raise UserError(f"{source}: every row is of one group, '{texts[0]:.40}', so nothing can be split")
    codes = np.frombuffer(b"".join(hashlib.sha256(text.encode()).digest()[:8] for text in texts), np.int64)
    groups: np.ndarray = codes[places]
    return groups


def times_of(column: pa.ChunkedArray, source: str, name: str = "day", written: str | None = None) -> np.ndarray:
    """Return numbers (N,) in the order of the times; `written` says how dates are.

    Raises `UserError` for what is none, which names the column.
    """
    if written is not None:
        column = pa.chunked_array([pa.array(seconds_of(column, written, source), from_pandas=True)])
    kind = column.type
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy())[0])
        raise UserError(f"{source}: row {row} has no time; write one for each row")
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return np.asarray(column.cast(pa.timestamp("us", getattr(kind, "tz", None))).cast(pa.int64()).to_numpy())
    if pa.types.is_time(kind):
        return np.asarray(column.cast(pa.time64("us")).cast(pa.int64()).to_numpy())
    if pa.types.is_integer(kind):
        return np.asarray(column.to_numpy())
    if pa.types.is_floating(kind):
        values = np.asarray(column.to_numpy())
        if np.isnan(values).any():
            raise UserError(f"{source}: row {int(np.isnan(values).argmax())} has no time; write one for each row")
        return values
    cells = [str(cell or "") for cell in column.to_pylist()]
    odd = (row for row, cell in enumerate(cells) if cell and not _is_time(cell))
    row = next(odd, next((row for row, cell in enumerate(cells) if cell), 0))
    raise UserError(
        f"{source}: row {row}: '{cells[row]:.40}' is no time; write numbers, or dates as 2024-05-31 or 2024-05-31 "
        f"13:45:00, or say how they are written, as {NOTHING.typed(name, 'date', likely_format(cells[row]))}"
    )


def _is_time(cell: str) -> bool:
    return is_number(cell) or any(fits(cell, written) for written in (ISO, ISO_UTC, TIME))


def weights_of(column: pa.ChunkedArray, source: str) -> np.ndarray:
    """Return what rows (N,) count. Raises `UserError` for what is no number from 0 up."""
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        cells = [str(cell or "") for cell in column.to_pylist()]
        odd = (row for row, cell in enumerate(cells) if cell and not is_number(cell))
        if (row := next(odd, None)) is None:
            raise UserError(f"{source}: holds no numbers; expected one from 0 up in each row")
        raise UserError(f"{source}: row {row} is {cells[row]!r:.42}; expected a number from 0 up in each row")
    return checked_weights(column.to_numpy(), source)
