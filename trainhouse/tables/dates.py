"""Dates in a table, as it is known to write them, as seconds since 1970."""

import re
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainhouse.configuration.errors import UserError

ISO, ISO_UTC, TIME = "iso", "iso with a zone", "time of day"
_EPOCH = datetime(1970, 1, 1)


def seconds_of(column: pa.ChunkedArray, written: str, source: str, start: int = 0) -> np.ndarray:
    """Return the dates of a column as seconds since 1970 (N,), float64; NaN for null and empty cells.

    `written` says how, `start` is the number of the first row, for messages. Raises `UserError` for a cell that is no
    such date.
    """
    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan)
    if own_type(column.type):
        if own_type(column.type) != written and written in (ISO, ISO_UTC, TIME):
            raise UserError(f"{source} holds {_in_words(own_type(column.type))}, {_in_words(written)} in training")
        return _of_arrow(column)
    texts = pc.utf8_trim_whitespace(column.cast(pa.string()))
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    found = _read(texts, written)
    if found is None:
        row, text = next((row, text) for row, text in enumerate(texts.to_pylist()) if text and not fits(text, written))
        raise UserError(f"{source}: row {start + row} is '{text:.40}'; {_expected(written)}, or empty that cell")
    return found


def own_type(kind: pa.DataType) -> str:
    """Return how dates are written that Arrow reads by itself; nothing for what is no date."""
    if pa.types.is_timestamp(kind):
        return ISO_UTC if kind.tz else ISO
    return ISO if pa.types.is_date(kind) else TIME if pa.types.is_time(kind) else ""


def _in_words(written: str) -> str:
    return {ISO: "dates without a time zone", ISO_UTC: "times with a time zone"}.get(written, "times of day")


def _expected(written: str) -> str:
    like = {ISO: "2024-01-31 or 2024-01-31 12:30:00", ISO_UTC: "2024-01-31T12:30:00+01:00", TIME: "12:30:00"}
    return f"write it as {like[written]}" if written in like else f"write it as the format {written} says"


def _of_arrow(column: pa.ChunkedArray) -> np.ndarray:
    kind = column.type
    if pa.types.is_date(kind):
        column, kind = column.cast(pa.timestamp("ms")), pa.timestamp("ms")
    unit = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[kind.unit]
    whole = (column.cast(pa.int32()) if pa.types.is_time32(kind) else column).cast(pa.int64())
    numbers = whole.fill_null(0).to_numpy()
    # In whole seconds and their fractions, so that each unit gives the same number.
    seconds = (numbers // unit).astype(np.float64) + (numbers % unit) / unit
    return np.where(whole.is_null().to_numpy(), np.nan, seconds)


def _read(texts: pa.ChunkedArray, written: str) -> np.ndarray | None:
    """Return the seconds of texts, of which null is NaN; None if one of them is written in another way."""
    if written in (ISO, ISO_UTC):
        for unit in ("us", "ns"):
            try:
                return _of_arrow(texts.cast(pa.timestamp(unit, "UTC" if written == ISO_UTC else None)))
            except pa.ArrowInvalid:
                continue
        return None
    coded = texts.combine_chunks()
    coded = (coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded).dictionary_encode()
    try:
        values = [_parsed(text, written) for text in coded.dictionary.to_pylist()]
    except ValueError:
        return None
    places: np.ndarray = coded.indices.fill_null(len(values)).to_numpy()
    seconds: np.ndarray = np.array([*values, np.nan])[places]
    return seconds


def _parsed(text: str, written: str) -> float:
    """Return the seconds of one text. Raises `ValueError` for another."""
    if written == TIME:
        if not re.fullmatch(r"\d{1,2}:\d{2}(:\d{2}(\.\d{1,6})?)?", text):
            raise ValueError(text)
        parts = [float(part) for part in text.split(":")]
        if parts[0] > 23 or any(part >= 60 for part in parts[1:]):
            raise ValueError(text)
        return sum(part * size for part, size in zip(parts, (3600, 60, 1), strict=False))
    day = datetime.strptime(text, written)
    naive = day.astimezone(UTC).replace(tzinfo=None) if day.tzinfo else day
    return (naive - _EPOCH).total_seconds()


def fits(text: str, written: str) -> bool:
    """Whether a text is a date as it is `written`."""
    return _read(pa.chunked_array([[text]]), written) is not None


def is_in(text: str, written: str) -> bool:
    """Whether a text is a date in a format of Python's."""
    try:
        _parsed(text, written)
    except ValueError:
        return False
    return True
