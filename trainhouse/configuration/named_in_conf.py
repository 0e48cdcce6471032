"""What the user's own ``conf/`` names, and where: all its files are read as data, nothing is resolved or imported.

A place is the path of keys to a `_target_`. Parts that conf/ has several of, each under a name of the user's choice
(callbacks), share one place; so do the items of a list.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from trainhouse.configuration import schema
from trainhouse.configuration.bounded import LOADER
from trainhouse.configuration.old_names import current_name

Place = tuple[str, ...]
MANY = "*"
_OF_MANY = ("callbacks", "logger", "metrics")


@dataclass
class _Named:
    names: dict[Place, set[str]] = field(default_factory=dict)
    # Where conf/ says ``optimizer: ${optimizer}``, whatever the other place may be may be there too.
    links: dict[Place, set[Place]] = field(default_factory=dict)
    outside: set[str] = field(default_factory=set)


def names_in_conf(place: Place) -> set[str]:
    """Return every `_target_` that a file in ``conf/`` has at `place`."""
    named = _read(schema.CONF, schema.LIBRARY_CONF)
    seen: set[Place] = set()
    names: set[str] = set()
    pending = [place]
    while pending:
        place = pending.pop()
        # A chain of links that leads into itself grows for ever.
        if place in seen or len(seen) > 100:
            continue
        seen.add(place)
        names |= named.names.get(place, set())
        for length in range(1, len(place) + 1):
            pending += [_place((*link, *place[length:])) for link in named.links.get(place[:length], ())]
    return names


def outside_in_conf() -> set[str]:
    """Return every string in ``conf/`` that `leads_outside`."""
    return _read(schema.CONF, schema.LIBRARY_CONF).outside


def leads_outside(text: str) -> bool:
    """Whether a string is an address (``s3://...``), or the path of what is neither in the project nor below here."""
    if "://" in text or text.startswith("~"):
        return True
    is_absolute = bool(Path(text).anchor)
    if not is_absolute and ".." not in Path(text).parts:
        return False
    project = schema.CONF.parent
    places = [project, project.resolve()] if is_absolute else [project, project.resolve(), Path.cwd()]
    path = Path(os.path.normpath(Path.cwd() / text))
    return not any(path.is_relative_to(place) for place in places)


def is_part(place: Place) -> bool:
    """Whether at `place` stands a part of the configuration itself, not an argument of one."""
    return len(place) == 1 or (len(place) == 2 and place[0] in _OF_MANY)


def place_below(place: Place, name: str, node: Any) -> Place:
    """Return the place of `node`, which stands under `name` at `place`; at ``()`` stand the configuration's parts."""
    below = _place((*place, name))
    if below == (name,) and name in _OF_MANY and isinstance(node, dict) and "_target_" in node:
        return (name, MANY)  # the only one of its part
    return below


def _place(keys: Place) -> Place:
    return (keys[0], MANY, *keys[2:]) if keys[0] in _OF_MANY and len(keys) > 1 else keys


@cache
def _read(*folders: Path) -> _Named:
    named = _Named()
    for conf, path in [(folder, path) for folder in folders for path in sorted(folder.rglob("*.yaml"))]:
        try:
            text = path.read_text(encoding="utf-8")
            content = yaml.load(text, Loader=LOADER)  # noqa: S506 - a safe one
            for key in reversed(_package(path.relative_to(conf), text)):
                content = {key: content}
            if isinstance(content, dict):
                content.pop("hydra", None)  # Hydra builds from it, and takes it from no file
                _collect(content, (), named)
        except (OSError, ValueError, RecursionError, yaml.YAMLError):
            continue  # whoever composes it gets an error
    return named


def _package(path: Path, text: str) -> list[str]:
    """Return the keys below which Hydra puts what stands in a file of ``conf/``: its folder's, or those it says."""
    said = re.match(r"\s*#\s*@package\s+([\w.]+)", text)
    if not said or said[1] == "_group_":
        return list(path.parent.parts)
    return [key for key in said[1].split(".") if key != "_global_"]


def _collect(node: Any, place: Place, named: _Named) -> None:
    for name, item in _items(node):
        below = place_below(place, name, item)
        if name == "_target_" and isinstance(item, str):
            named.names.setdefault(place, set()).add(current_name(item))
        elif isinstance(item, (dict, list)):
            _collect(item, below, named)
        elif isinstance(item, str):
            if link := re.fullmatch(r"\$\{([\w.]+)\}", item):
                named.links.setdefault(below, set()).add(_place(tuple(link[1].split("."))))
            if leads_outside(item):
                named.outside.add(item)


def _items(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        yield from ((str(name), item) for name, item in node.items())
    elif isinstance(node, list):
        yield from ((MANY, item) for item in node)
