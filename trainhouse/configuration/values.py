"""What a configuration's value may be, as the annotation says that takes it: `Annotated[int, Ge(1)]`.

The bounds are those of `annotated_types`, which pydantic and hypothesis read too. pydantic itself was tried on the keys
of array data: it ends at hints that it doesn't know (a `torch.dtype`, an optimizer's class), where a hint that YAML has
no values for has to let everything pass, and its sentences had to be written again from the same bounds.
"""

import inspect
import math
import operator
import re
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

from annotated_types import DocInfo, Ge, GroupedMetadata, Gt, Le, Lt, MaxLen, MinLen, MultipleOf, Predicate


def fits(value: Any, hint: Any) -> bool:
    """Whether a plain config value fits a type hint; a hint that YAML has no values for fits everything."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return fits(value, arguments[0]) and (value is None or all(_holds(value, one) for one in flat(arguments[1:])))
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, option) for option in arguments)
    if origin is typing.Literal:
        return any(value == option and type(value) is type(option) for option in arguments)
    if hint in (int, float):
        return isinstance(value, (int, float) if hint is float else int) and not isinstance(value, bool)
    if hint in (str, bool, types.NoneType):
        return isinstance(value, hint)
    if origin is tuple and arguments and arguments[-1] is not ...:
        return isinstance(value, list) and len(value) == len(arguments) and all(map(fits, value, arguments))
    if origin in (list, tuple, Sequence) or hint in (list, tuple, Sequence):
        inner = arguments[0] if arguments else typing.Any
        return isinstance(value, list) and all(fits(item, inner) for item in value)
    if origin is dict or hint is dict:
        return isinstance(value, dict)
    if origin is Callable or hint is Callable:
        return isinstance(value, dict) or callable(value)  # a mapping with _target_
    return hint is not timedelta


def expected(hint: Any) -> str:
    """Return in words what may be written for a type hint, as ``a whole number from 1 up, or null``."""
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    values = [option for option in options if option not in (types.NoneType, timedelta)]
    if any(typing.get_origin(option) is typing.Literal for option in values):
        names = [name for option in options for name in words_for(option) or [_in_words(option)]]
        return "one of " + ", ".join(dict.fromkeys(names))
    return " or ".join(map(_in_words, values)) + (", or null" if len(values) < len(options) else "")


# Of each bound: its attribute, and what it asks of a value.
_BOUNDS: dict[type, tuple[str, Callable[[Any, Any], bool]]] = {
    Ge: ("ge", operator.ge),
    Gt: ("gt", operator.gt),
    Le: ("le", operator.le),
    Lt: ("lt", operator.lt),
}


def _end(bound: Any) -> Any:
    return getattr(bound, _BOUNDS[type(bound)][0])


def flat(marks: Iterable[Any]) -> list[Any]:
    """Return the marks of an annotation, the bounds of an `Interval` one by one."""
    return [one for mark in marks for one in (mark if isinstance(mark, GroupedMetadata) else [mark])]


def _holds(value: Any, bound: Any) -> bool:
    if isinstance(bound, MinLen):
        return len(value) >= bound.min_length
    if isinstance(bound, MaxLen):
        return len(value) <= bound.max_length
    if isinstance(bound, MultipleOf):
        return bool(value % bound.multiple_of == 0)
    if isinstance(bound, Predicate):
        return bool(bound.func(value))
    if type(bound) not in _BOUNDS:
        return True
    is_finite = isinstance(value, int) or math.isfinite(value)  # an int may be beyond what float holds
    return is_finite and _BOUNDS[type(bound)][1](value, _end(bound))


def _in_words(hint: Any) -> str:
    if typing.get_origin(hint) is typing.Annotated:
        kind, marks = hint.__origin__, flat(hint.__metadata__)
        words = next((mark.documentation for mark in reversed(marks) if isinstance(mark, DocInfo)), None)
        return words or f"{expected(kind)}{_range(marks)}"
    if typing.get_origin(hint) is dict:
        return "a mapping"
    if typing.get_origin(hint) is Callable or hint is Callable:
        return "a function, as {_target_: src.utils.my_file.my_function, _partial_: true}"
    if typing.get_origin(hint) in (list, tuple, Sequence):
        inner = [one for one in typing.get_args(hint) if one is not ...]
        several = re.sub(r"^an? ([a-z ]*(?:number|string))", r"\1s", expected(inner[0]))
        return f"a list of {len(inner)} {several}" if len(inner) > 1 else f"a list of {several}"
    if typing.get_args(hint):
        return str(hint).replace("typing.", "")
    named = {int: "a whole number", float: "a number", str: "a string", bool: "true or false", dict: "a mapping"}
    return named.get(hint) or (hint.__name__ if inspect.isclass(hint) else str(hint))


def _range(marks: Iterable[Any]) -> str:
    found = {type(mark): _end(mark) for mark in marks if type(mark) in _BOUNDS}
    low = f" from {found[Ge]}" if Ge in found else f" above {found[Gt]}" if Gt in found else ""
    if not low:
        return f" up to {found[Le]}" if Le in found else f" below {found[Lt]}" if Lt in found else ""
    high = f" to {found[Le]}" if Le in found else f" to below {found[Lt]}" if Lt in found else ""
    return low + (high or (" up" if Ge in found else ""))


def words_for(hint: Any) -> list[str]:
    """Return what may be typed word for word: the values of a `Literal`, of bool and of None; nothing for others."""
    if typing.get_origin(hint) is typing.Literal:
        return [_name(value) for value in typing.get_args(hint)]
    return ["null"] if hint is types.NoneType else ["true", "false"] if hint is bool else []


def _name(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
