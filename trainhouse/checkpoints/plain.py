"""What a checkpoint may hold: plain data and tensors, so that reading it runs no code."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

_PLAIN = (bool, int, float, complex, str, bytes, Tensor, torch.Size, torch.dtype, torch.device)


def is_plain(value: Any) -> bool:
    """Whether `value` is plain data all through."""
    return next(_not_plain(value, ""), None) is None


def first_not_plain(content: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the dotted place and the type of the first thing in `content` that is no plain data, or None."""
    return next(_not_plain(content, ""), None)


def _not_plain(value: Any, place: str) -> Any:
    if value is None or type(value) in _PLAIN or isinstance(value, Tensor):
        return
    if isinstance(value, Mapping) and isinstance(value, dict):
        for key, item in value.items():
            if not (key is None or type(key) in _PLAIN or type(key) is tuple):
                yield f"{place}.{key}".lstrip("."), f"a key of type {type(key).__name__}"
            yield from _not_plain(item, f"{place}.{key}".lstrip("."))
    elif type(value) in (list, tuple, set):
        for index, item in enumerate(value):
            yield from _not_plain(item, f"{place}[{index}]")
    else:
        yield place, type(value).__name__


def plain_hyperparameters(values: Mapping[str, Any], arguments: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the hyperparameters that are plain, the others as they are in `arguments`; and the names of the others.

    `arguments` are what the object was built from, as its configuration gives them.
    """
    kept: dict[str, Any] = {}
    replaced = []
    for name, value in values.items():
        if is_plain(value):
            kept[name] = value
            continue
        replaced.append(name)
        if name in arguments and is_plain(arguments[name]):
            kept[name] = arguments[name]
    return kept, replaced
