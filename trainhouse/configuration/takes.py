"""What a key of a composed configuration takes: as the library's settings say, or else the constructor it is for."""

import types
import typing
from collections.abc import Sequence
from typing import Any

from annotated_types import doc

from trainhouse.configuration.dotted import at
from trainhouse.configuration.older_versions import is_array_data
from trainhouse.configuration.settings import OF_COMMAND, keys
from trainhouse.configuration.source import signature
from trainhouse.configuration.values import expected, words_for
from trainhouse.configuration.views import Part, inner_of

Node = dict[str, Any]


def annotation_of(key: str, config: Node, command: str) -> Any:
    """Return the annotation of a key, ``trainer.max_epochs``; `Any` for one that nothing is known of."""
    above, _, name = key.rpartition(".")
    settings = dict(keys(OF_COMMAND[command])) if command in OF_COMMAND else {}
    if key in settings and not is_mapping(settings[key]) and _holds(settings.get(above), above, config):
        return settings[key]
    found = signature(target) if (target := _target(above, config)) else None
    return found.arguments.get(name, Any) if found else Any


def is_mapping(hint: Any) -> bool:
    """Whether a key of the settings stands for keys of its own."""
    return inner_of(hint) is not None


def prefix_of(hint: Any) -> str:
    """Return how the `_target_` of a mapping begins of which the settings know the keys."""
    return getattr(inner_of(hint), "OF", "")


def in_words(hint: Any) -> str:
    """Return in words what may be written, "" where nothing is known; what YAML has no values for is left out."""
    known = _known(hint)
    return "" if known is Any else expected(known)


def described(meaning: str, words: str) -> str:
    """Return what a key means and, in brackets, what it takes."""
    return f"{meaning} [{words}]".strip() if words else meaning


def choices(hint: Any) -> list[str]:
    """Return the values that are typed word for word, if there are any besides null: of a `Literal`, true and false."""
    words = list(dict.fromkeys(word for option in _options(_known(hint)) for word in words_for(option)))
    return words if words != ["null"] else []


def _options(hint: Any) -> list[Any]:
    """Return what an annotation lets choose from, without bounds and other marks."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _options(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return [option for one in arguments for option in _options(one)]
    return [hint]


def _holds(hint: Any, above: str, config: Node) -> bool:
    """Whether the settings of a mapping are those of what is composed there, and not of a class of the user's own."""
    if above == "data":
        return is_array_data(Part(config.get("data")))
    return _target(above, config).startswith(prefix_of(hint))


def _target(key: str, config: Node) -> str:
    node = at(config, key) if key else config
    return str(node.get("_target_", "")) if isinstance(node, dict) else ""


def _known(hint: Any) -> Any:
    """Leave out of an annotation what YAML has no values for."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        known = _known(arguments[0])
        return known if known is Any else typing.Annotated[(known, *arguments[1:])]
    if origin in (typing.Union, types.UnionType):
        kept = [known for one in arguments if (known := _known(one)) is not Any]
        return typing.Union[tuple(kept)] if [one for one in kept if one is not types.NoneType] else Any  # noqa: UP007
    if origin in (list, tuple, Sequence):
        inner = [_known(one) if one is not ... else one for one in arguments]
        return typing.Annotated[list, doc("a list")] if Any in inner else origin[tuple(inner)]
    return hint if origin in (typing.Literal, dict) or hint in (int, float, str, bool, dict, types.NoneType) else Any
