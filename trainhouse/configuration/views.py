"""A mapping of the configuration with the types of its keys: `settings.trainer.max_epochs`.

Nothing is kept twice: the mapping itself, `plain`, is what is checked, saved and signed.
"""

import copy
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from trainhouse.configuration.values import fits


class Settings:
    """A mapping of which each annotated name is a key, read as an attribute.

    An annotation that is itself a class of settings gives the settings of the mapping within, which are false where
    there is null in its place. A key that an older run lacks is None if null is among its values.
    """

    def __init__(self, plain: Any) -> None:
        self.plain: dict[str, Any] = plain
        """Never changed: `with_values` gives new settings."""

    if not TYPE_CHECKING:  # to which the annotated names are all that there are

        def __getattr__(self, name: str) -> Any:
            hint, is_there = annotations(type(self)).get(name), name in (vars(self).get("plain") or {})
            if (inner := inner_of(hint)) is not None:
                return inner(self.plain[name] if is_there else None)
            if is_there and hint is not None:
                return self.plain[name]
            if hint is None or not fits(None, hint):
                raise AttributeError(f"{type(self).__name__} has no {name}")
            return None

    def __bool__(self) -> bool:
        return bool(self.plain)

    def with_values(self, values: Mapping[str, Any]) -> Self:
        """Return new settings with other `values` of some keys, dotted as on the command line."""
        new = copy.deepcopy(self.plain)
        for key, value in values.items():
            *above, last = key.split(".")
            node = new
            for name in above:
                node[name] = node = node.get(name) or {}
            node[last] = value
        return type(self)(new)


class Part(Settings):
    """What names a class or a function, and gives its arguments: only that knows what they may be."""

    @property
    def target(self) -> str:
        """The dotted name, `_target_`."""
        return str(self.plain["_target_"])

    @property
    def name(self) -> str:
        """The last part of the dotted name."""
        return self.target.rpartition(".")[2]

    @property
    def is_mapping(self) -> bool:
        """Whether there is one: a user may have written something else in its place, which `create` refuses."""
        return isinstance(self.plain, dict)

    def get(self, argument: str) -> Any:
        """Return an argument, None where there is none of that name."""
        return self.plain[argument] if argument in self else None

    def __contains__(self, argument: str) -> bool:
        return self.is_mapping and argument in self.plain


class Parts(Settings):
    """Parts by their names, any number of them."""

    @property
    def is_there(self) -> bool:
        """Whether the configuration has the group at all, be it empty: that of an older run may not."""
        return self.plain is not None

    def items(self) -> Iterator[tuple[str, Part]]:
        """Yield each name with its part; one that is null is left out."""
        return ((name, Part(node)) for name, node in (self.plain or {}).items() if node is not None)


def targets_in(node: Any) -> Iterator[str]:
    """Yield each `_target_` of a part of a configuration, at any depth."""
    if isinstance(node, dict):
        if isinstance(node.get("_target_"), str):
            yield node["_target_"]
        node = list(node.values())
    for child in node if isinstance(node, list) else ():
        yield from targets_in(child)


@cache
def annotations(kind: type) -> dict[str, Any]:
    """Return the keys of a class of settings, each with its annotation."""
    found = typing.get_type_hints(kind, include_extras=True)
    return {name: hint for name, hint in found.items() if typing.get_origin(hint) is not ClassVar and hint != ClassVar}


def inner_of(hint: Any) -> type[Settings] | None:
    """Return the class of settings that an annotation stands for, if it is one."""
    kind = typing.get_args(hint)[0] if typing.get_origin(hint) is Annotated else hint
    return kind if isinstance(kind, type) and issubclass(kind, Settings) else None
