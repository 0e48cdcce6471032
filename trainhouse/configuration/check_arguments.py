"""Checks config values against the signature of what they are for, so that a mistake is named by its key."""

import inspect
import typing
from collections.abc import Collection, Mapping
from typing import Any

from trainhouse.configuration.errors import UserError, did_you_mean
from trainhouse.configuration.values import expected, fits
from trainhouse.configuration.views import Part


def check_arguments(found: Any, part: Part, key: str, given: Collection[str], complete: bool) -> None:
    """Raise `UserError` naming `key` if the callable `found` can't take what `part` gives beside the arguments `given`.

    Checks names, types as far as the hints say them, and, if the call is to be `complete`, that nothing
    required is missing.
    """
    try:
        parameters = dict(inspect.signature(found).parameters)
    except (ValueError, TypeError):  # written in C
        return
    try:
        hints = typing.get_type_hints(found.__init__ if inspect.isclass(found) else found, include_extras=True)
    except (TypeError, NameError):  # annotated with names that only a type checker imports
        hints = {}
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    parameters = {
        name: one for name, one in parameters.items() if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
    }
    for name, value in part.plain.items():
        if name.startswith("_") and name.endswith("_"):
            continue
        if name in given:
            raise UserError(f"{key}.{name}: is set by the program; leave it out")
        if name not in parameters and not takes_any:
            options = [option for option in parameters if option not in given]
            raise UserError(f"{key}.{name}: {part.target} takes no such argument{did_you_mean(name, options)}")
        if name in hints and not fits(value, hints[name]):
            raise UserError(f"{key}.{name}: expected {expected(hints[name])}, got {value!r}")
    required = [name for name, parameter in parameters.items() if parameter.default is parameter.empty]
    missing = [name for name in required if name not in part and name not in given]
    if complete and missing:
        raise UserError(f"{key}.{missing[0]}: required by {part.target}, but not set")


def parameters_of(found: Any) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a class or a function by their names; none of what is written in C."""
    try:
        return inspect.signature(found).parameters
    except (ValueError, TypeError):
        return {}
