"""Keys and values of configurations in few characters, for tables and figures."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from trainhouse.configuration.printable import printable
from trainhouse.machine.numbers import number


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Return the last part of each dotted key where no other key ends alike, else the whole key."""
    last = Counter(key.rpartition(".")[2] for key in keys)
    return {key: short if last[short := key.rpartition(".")[2]] == 1 else key for key in keys}


def clipped(text: str, width: int) -> str:
    """Return `text` on one line of at most `width` characters; its middle is what goes."""
    text = printable(" ".join(text.split()))
    if len(text) <= width:
        return text
    head = width // 2
    return f"{text[:head]}…{text[len(text) - (width - head - 1) :]}"


def shown_value(text: str, width: int) -> str:
    """Return an override's value in at most `width` characters; of a long number four digits."""
    value = number(text)
    return clipped(text, width) if value is None or len(text) <= 8 else f"{value:.4g}"


def typed_value(value: Any, string: Callable[[str], str] = str) -> str:
    """Return a plain value as it is typed on a command line: ``[128,64]``, ``null``, ``true``, ``0.001``.

    A string is written as the function `string` returns it.
    """
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, list):
        return f"[{','.join(typed_value(one, string) for one in value)}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{typed_value(one, string)}" for key, one in value.items()) + "}"
    return string(value) if isinstance(value, str) else str(value)
