"""How deep plain data may be nested: what comes from a file is walked in many places, each of which would recurse."""

from typing import Any

_DEEPEST = 100
_MOST_CONTAINERS, _MOST_ITEMS = 10**6, 5 * 10**7


def out_of_bounds(value: Any) -> str | None:
    """Return in which way `value` is nested beyond what any file of this project is, or None.

    Lists that hold each other, or themselves, are as large as what walking through them would meet.
    """
    level, containers, items = [value], 0, 0
    for _ in range(_DEEPEST + 1):
        level = [node for node in level if isinstance(node, (dict, list, tuple, set))]
        if not level:
            return None
        containers, items = containers + len(level), items + sum(map(len, level))
        if containers > _MOST_CONTAINERS or items > _MOST_ITEMS:
            return "it holds too many values"
        level = [item for node in level for item in (node.values() if isinstance(node, dict) else node)]
    return "nested too deeply"
