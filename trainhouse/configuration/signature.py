"""Checks config values against the signature of what they are for, so that a mistake is named by its key."""

import inspect
import types
import typing
from collections.abc import Collection, Sequence
from typing import Any

from trainhouse.configuration.errors import UserError, did_you_mean


def check_arguments(found: Any, node: dict[str, Any], key: str, given: Collection[str], complete: bool) -> None:
    """Raise `UserError` naming `key` if the callable `found` can't take the config `node` beside the arguments `given`.

    Checks names, types as far as the hints say them, and, if the call is to be `complete`, that nothing
    required is missing.
    """
    try:
        parameters = inspect.signature(found).parameters
    except (ValueError, TypeError):  # written in C
        return
    try:
        hints = typing.get_type_hints(found.__init__ if inspect.isclass(found) else found)
    except (TypeError, NameError):  # annotated with names that only a type checker imports
        hints = {}
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    for name, value in node.items():
        if name.startswith("_") and name.endswith("_"):
            continue
        if name in given:
            raise UserError(f"{key}.{name}: is set by the program; leave it out")
        if name not in parameters:
            options = [option for option in parameters if option not in given]
            raise UserError(f"{key}.{name}: {node['_target_']} takes no such argument{did_you_mean(name, options)}")
        if name in hints and not _fits(value, hints[name]):
            raise UserError(f"{key}.{name}: expected {_type_name(hints[name])}, got {value!r}")
    required = [name for name, parameter in parameters.items() if parameter.default is parameter.empty]
    missing = [name for name in required if name not in node and name not in given]
    if complete and missing:
        raise UserError(f"{key}.{missing[0]}: required by {node['_target_']}, but not set")


def _fits(value: Any, hint: Any) -> bool:
    """Whether a plain config value fits a type hint; a hint that YAML has no values for fits everything."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, option) for option in arguments)
    if origin is typing.Literal:
        return value in arguments
    if hint in (int, float):
        return isinstance(value, (int, float) if hint is float else int) and not isinstance(value, bool)
    if hint in (str, bool, types.NoneType):
        return isinstance(value, hint)
    if origin is tuple and arguments and arguments[-1] is not ...:
        return isinstance(value, list) and len(value) == len(arguments) and all(map(_fits, value, arguments))
    if origin in (list, tuple, Sequence) or hint in (list, tuple, Sequence):
        inner = arguments[0] if arguments else typing.Any
        return isinstance(value, list) and all(_fits(item, inner) for item in value)
    if origin is dict or hint is dict:
        return isinstance(value, dict)
    return True


def _type_name(hint: Any) -> str:
    """What a user may write for a type hint: the values of a literal, the names of types."""
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    if any(typing.get_origin(option) is typing.Literal for option in options):
        values = [typing.get_args(option) or (_plain_name(option),) for option in options]
        return "one of " + ", ".join(dict.fromkeys(str(value) for group in values for value in group))
    return hint.__name__ if inspect.isclass(hint) and not typing.get_args(hint) else str(hint).replace("typing.", "")


def _plain_name(hint: Any) -> str:
    return {types.NoneType: "null", bool: "true, false"}.get(hint, getattr(hint, "__name__", str(hint)))
