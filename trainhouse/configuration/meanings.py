"""What the keys of a configuration file mean: the comments in it, and the line on which each key stands.

A key's meaning is the comment behind it on its line, or else the lines of comment right above it. The comment with
which a file begins is about the whole file; where the file is that of one named part, as of a callback, about the part.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from trainhouse.configuration import schema
from trainhouse.configuration.bounded import LOADER
from trainhouse.configuration.errors import UserError


@dataclass(frozen=True)
class Said:
    """What a file says of one key: its line from 1 up, the value as it is written ("" of a mapping), its meaning."""

    line: int
    written: str
    meaning: str


@dataclass(frozen=True)
class Meanings:
    """The comment with which a file begins, line by line, and what the file says of each key: ``callbacks.x.monitor``.

    A group that it chooses from is a key ``defaults.model``.
    """

    header: tuple[str, ...]
    keys: dict[str, Said]

    @property
    def meaning(self) -> str:
        """Return the comment with which the file begins as one line, but for examples: lines that are set in."""
        return " ".join(line for line in self.header if not line.startswith(" "))


@cache
def meanings(path: Path) -> Meanings:
    """Read a configuration file. Raises `OSError`, and `UserError` that names the file for what is no YAML."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    end = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    header = tuple(line.removeprefix("#").removeprefix(" ") for line in lines[:end] if not re.match(r"#\s*@", line))
    try:
        node = yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError as error:
        raise UserError(f"{path}: is no YAML: {' '.join(str(error).split())}") from error
    keys = dict(_below(node, "", text, lines, end))
    found = Meanings(header, keys)
    top = [key for key in keys if "." not in key and key != "defaults"]
    is_named_part = len(top) == 1 and not keys[top[0]].written and not schema.is_global(path)
    if is_named_part and not keys[top[0]].meaning:
        keys[top[0]] = Said(keys[top[0]].line, "", found.meaning)
    return found


def _below(node: Any, prefix: str, text: str, lines: list[str], header: int) -> Iterator[tuple[str, Said]]:
    if isinstance(node, yaml.SequenceNode) and prefix == "defaults.":  # a list of mappings of one group each
        for item in node.value:
            yield from _below(item, prefix, text, lines, header)
    if not isinstance(node, yaml.MappingNode):
        return
    for name, value in node.value:
        key, line = f"{prefix}{name.value}", name.start_mark.line
        is_block = isinstance(value, yaml.CollectionNode) and not value.flow_style
        end = name.end_mark if is_block else value.end_mark
        behind = re.search(r"(?:^|\s)#\s*(.*)", lines[end.line][end.column :]) if end.line < len(lines) else None
        written = "" if is_block else text[value.start_mark.index : value.end_mark.index]
        yield key, Said(line + 1, written, behind[1] if behind else _above(lines, line, header))
        yield from _below(value, f"{key}.", text, lines, header)


def _above(lines: list[str], line: int, header: int) -> str:
    """Return the comment right above a line, but for the one with which the file begins."""
    first = line
    while first > header and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return " ".join(one.strip().lstrip("#").strip() for one in lines[first:line])


def meaning_in_group(group: str, option: str, key: str) -> str:
    """Return what the file of an option says that `key` means, or the files that it begins with, or one like it.

    A file like it builds the same, as ``data/csv`` and ``data/digits``: a copy need not repeat the comments.
    """
    target = _target(group, option)
    like = [other for other in schema.options(group) if other != option and _target(group, other) == target]
    for name in [option, *begins_with(group, option), *(like if target else [])]:
        said = _readable(schema.config_file(f"{group}/{name}")).get(key)
        if said and said.meaning:
            return said.meaning
    return ""


def begins_with(group: str, option: str) -> list[str]:
    """Return the options of the same group that the file of an option begins with: its ``defaults:``."""
    path = schema.config_file(f"{group}/{option}")
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)  # noqa: S506  # a safe one
    except (yaml.YAMLError, OSError, UnicodeDecodeError):  # whoever chooses it hears of that
        return []
    entries = found.get("defaults") if isinstance(found, dict) else None
    return [entry for entry in entries or [] if isinstance(entry, str) and entry in schema.options(group)]


def parts_alone(group: str) -> set[str]:
    """Return the options of a group that others begin with and that build nothing: nobody chooses them."""
    begun = {part for name in schema.options(group) for part in begins_with(group, name)}
    return {part for part in begun if part != "default" and not _target(group, part)}


def _target(group: str, option: str) -> str | None:
    said = _readable(schema.config_file(f"{group}/{option}")).get("_target_")
    return said.written if said else None


def _readable(path: Path) -> dict[str, Said]:
    """Return what a file says of its keys; nothing if it can't be read, which whoever chooses it hears of."""
    try:
        return meanings(path).keys
    except (UserError, OSError, UnicodeDecodeError):
        return {}
