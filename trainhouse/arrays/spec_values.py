"""Which values a spec may have, read from a file that may hold anything: a check for each of its names."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

TASKS = ("classification", "regression", "multilabel")
DATE_PARTS = ("elapsed", "year", "month", "weekday", "hour")
AUTO, ALL, BY_DTYPE = CHOICES = ("auto", "all", "by_dtype")


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 < value < 2**31


def _is_dtype(value: Any) -> bool:
    try:
        return type(value) is str and value.isalnum() and np.dtype(value).kind in "biuf"
    except (TypeError, ValueError, SyntaxError):
        return False


def _is_names(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(type(name) is str for name in value)


def _is_categories(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and _is_names([*value]) and all(map(_is_names, value.values())))


def _is_dates(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and _is_names([*value]) and _is_names([*value.values()]))


def _is_date_parts(value: Any) -> bool:
    return _is_categories(value) and all(set(parts) <= set(DATE_PARTS) for parts in (value or {}).values())


def _is_place(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**31


def is_number(value: Any) -> bool:
    """Whether it is a number that float64 has, which whole numbers of Python's need not be."""
    if type(value) is int:
        return abs(value) < 2**1023
    return type(value) is float and math.isfinite(value)


def _is_range(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, (list, tuple)) and len(value) == 2 and all(map(is_number, value)) and value[0] <= value[1]


def shown(value: Any) -> str:
    """Return for a message a value that may be anything, a tensor of any size among it."""
    return repr(value)[:40] if isinstance(value, (str, int, float, bool, type(None))) else f"a {type(value).__name__}"


HOLDS: dict[str, Callable[[Any], bool]] = {
    "task": lambda value: type(value) is str and value in TASKS,
    "input_shape": lambda value: isinstance(value, (list, tuple)) and all(map(_is_size, value)),
    "dtype": _is_dtype,
    "outputs": _is_size,
    "classes": _is_names,
    "targets": _is_names,
    "columns": _is_names,
    "categories": _is_categories,
    "missing": lambda value: type(value) is str and value in ("error", "mean"),
    "unlearned": _is_categories,
    "label_places": lambda value: isinstance(value, (list, tuple)) and all(map(_is_place, value)),
    "unused_places": lambda value: isinstance(value, (list, tuple)) and all(map(_is_place, value)),
    "missing_words": _is_names,
    "dates": _is_dates,
    "date_parts": _is_date_parts,
    "grouped": _is_names,
    "ranges": lambda value: isinstance(value, (list, tuple)) and all(map(_is_range, value)),
    "channel_axis": lambda value: value is None or type(value) is int or (type(value) is str and value in CHOICES),
}
