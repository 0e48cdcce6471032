"""Numbers of the data for people to read."""

from datetime import datetime, timedelta
from math import ceil, floor, isfinite, log10

_DIGITS = 6  # all that float32 holds of any number; the seventh may be an artefact
_OF_THE_RANGE = 3
_WRITTEN_OUT = 1e9


def shown_within(value: float, low: float, high: float) -> str:
    """Return a number of a column that reaches from `low` to `high`, with the digits that tell its numbers apart."""
    digits = _DIGITS
    if low < high and isfinite(high - low):
        digits = max(digits, ceil(log10(max(abs(low), abs(high)) / (high - low))) + _OF_THE_RANGE)
    if 1 <= abs(value) < _WRITTEN_OUT:
        digits = max(digits, floor(log10(abs(value))) + 1)
    return f"{value:.{min(digits, 17)}g}"


def shown_date(seconds: float) -> str:
    """Return the day of seconds since 1970, with its time unless that is midnight."""
    try:
        day = datetime(1970, 1, 1) + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return f"{seconds:.6g}"
    return day.isoformat(" ", "seconds").removesuffix(" 00:00:00")
