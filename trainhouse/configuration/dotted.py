"""The keys of a configuration as they are typed: `optimizer.lr`."""

from collections.abc import Iterator, Mapping
from typing import Any


def at(node: Any, key: str, missing: Any = None) -> Any:
    """Return what stands at a dotted key of a plain container, or `missing`."""
    for name in key.split("."):
        if not isinstance(node, dict) or name not in node:
            return missing
        node = node[name]
    return node


def merged(one: dict[Any, Any], other: dict[Any, Any]) -> dict[Any, Any]:
    """Return a mapping with the values of another one in it, of mappings within it too."""
    new = dict(one)
    for name, value in other.items():
        both = isinstance(value, dict) and isinstance(one.get(name), dict)
        new[name] = merged(one[name], value) if both else value
    return new


def leaves(node: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each dotted key below a mapping that stands for no other keys, with its value."""
    for name, value in node.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def dotted(node: Any, prefix: str = "") -> Iterator[str]:
    """Yield the dotted name of every node below a plain container."""
    if isinstance(node, dict):
        for name, child in node.items():
            yield f"{prefix}{name}"
            yield from dotted(child, f"{prefix}{name}.")
