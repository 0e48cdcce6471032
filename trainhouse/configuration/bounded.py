"""Reads JSON and YAML that anybody may have written: a limit on size, depth and what aliases stand for comes first.

250 bytes of YAML can stand for a billion values, and brackets alone go deeper than any program that walks them. What is
returned here is small enough to walk by recursion. Nothing in it is resolved.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from trainhouse.configuration.errors import UserError, first_line

MOST_BYTES = 64 * 2**20  # sweep.json of a hundred thousand jobs has a quarter of that
MOST_YAML_BYTES = 4 * 2**20  # a configuration has some 5,000, and a byte takes a thousand times as long as of JSON
MOST_VALUES = 50_000  # of YAML, and of a checkpoint's record; 64 MiB of JSON can't expand
MOST_LEVELS = 50

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Of YAML: builds plain values only; in C where PyYAML has that."""


def read_json(path: Path) -> Any:
    """Return what the JSON file at `path` holds. Raises `OSError`, and `ValueError` for anything that is wrong."""
    try:
        content = json.loads(read_text(path, MOST_BYTES), parse_int=_whole_number)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    check_bounds(content, most=MOST_BYTES)
    return content


def read_mapping(path: Path) -> dict[str, Any] | None:
    """Return the mapping that the JSON file at `path` holds; None if there is no such file.

    Raises `UserError` that names the file for anything else.
    """
    if not path.exists():
        return None
    if not path.is_file():  # a pipe would be waited for
        raise UserError(f"{path}: is no file")
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not readable ({first_line(error)})") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected a mapping, found {content!r:.40}")
    return content


def _whole_number(digits: str) -> int | float:
    """Whole numbers of more digits than anything is counted to are floats: an infinite one among them is refused."""
    return int(digits) if len(digits) < 20 else float(digits)


def read_yaml(path: Path) -> Any:
    """Return what the YAML file at `path` holds. Raises `OSError`, and `ValueError` for anything that is wrong."""
    return yaml_in(read_text(path, MOST_YAML_BYTES))


def yaml_in(text: str) -> Any:
    """Return what YAML `text` holds. Raises `ValueError` for anything that is wrong."""
    try:
        _check_events(text)
        content = yaml.load(text, Loader=LOADER)  # noqa: S506  # a safe one
        check_bounds(content)  # aliases may pile up levels
        return content
    except (yaml.YAMLError, RecursionError, TypeError) as error:
        raise ValueError(" ".join(str(error).split())) from error


def check_bounds(value: Any, most: int = MOST_VALUES) -> None:
    """Raise `ValueError` if plain data goes too deep, or is more than `most` values when all of it is written out.

    A value that stands in several places counts in each of them.
    """
    count, levels = 0, [iter([value])]
    while levels:
        item = next(levels[-1], levels)
        if item is levels:
            levels.pop()
            continue
        count += 1
        if count > most:
            raise ValueError(_too_many(most))
        if isinstance(item, Mapping):
            levels.append(iter(item.values()))
        elif isinstance(item, (list, tuple, set, frozenset)):
            levels.append(iter(item))
        if len(levels) > MOST_LEVELS + 1:
            raise ValueError(_TOO_DEEP)


def interpolations(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield each string with an interpolation in it, with its key: what may stand in the user's own files only."""
    if isinstance(node, str) and "${" in node:
        yield key, node
    elif isinstance(node, dict):
        for name, item in node.items():
            yield from interpolations(str(name), key)
            yield from interpolations(item, f"{key}.{name}" if key else str(name))
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from interpolations(item, f"{key}[{index}]")


def read_config(path: Path, may_resolve: Collection[str] = ()) -> dict[str, Any]:
    """Return a configuration as OmegaConf reads it, which takes more for numbers than YAML does; nothing is resolved.

    Raises `OSError`, and `ValueError` for anything that is wrong, an interpolation among it that is not one of
    `may_resolve`: to write one down is harmless, but OmegaConf takes as long as it likes to read it.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    content = read_yaml(path)
    if not isinstance(content, dict) or not content:
        raise ValueError("holds no configuration")
    for key, text in interpolations(content):
        if text not in may_resolve:
            raise ValueError(f"{key} is {text!r:.200}; a file may hold no interpolation")
    try:
        plain = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except (OmegaConfBaseException, yaml.YAMLError) as error:
        raise ValueError(" ".join(str(error).split())) from error
    assert isinstance(plain, dict)
    return {str(name): value for name, value in plain.items()}


def read_text(path: Path, most: int) -> str:
    """Return a file of at most `most` bytes. Raises `OSError`, and `ValueError` for a larger one."""
    with open(path, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"larger than {most // 2**20} MiB, which no such file of this project is")
    return content.decode("utf-8")


def _check_events(text: str) -> None:
    """Count what YAML stands for before any of it is made."""
    sizes: dict[str, int] = {}  # of what has an anchor, aliases in it written out
    open_nodes: list[tuple[str | None, int]] = []  # anchor, count before it
    count = 0
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise ValueError(f"line {event.start_mark.line + 1}: *{event.anchor} stands for what it is in")
            count += sizes[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            count += 1
            if event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, count))
            count += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor:
                sizes[anchor] = count - before
        if count > MOST_VALUES:
            raise ValueError(_too_many(MOST_VALUES))
        if len(open_nodes) > MOST_LEVELS:
            raise ValueError(_TOO_DEEP)


_TOO_DEEP = f"goes deeper than {MOST_LEVELS} levels, as no such file of this project does"


def _too_many(most: int) -> str:
    return f"stands for more than {most:,} values, as no such file of this project does"
