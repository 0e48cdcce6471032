"""How a mapping is typed whose names Hydra's grammar takes for something else: it has no quotes around names."""

import re
from collections.abc import Callable
from typing import Any

import yaml

from trainhouse.configuration.printable import shell_quoted

_SIGNS = r"([\\()\[\]{}:=,])"


def as_mapping(key: str, value: str, is_fine: Callable[[str], bool]) -> str:
    """Return what to type in place of a mapping that Hydra can't read but YAML can; "" for anything else.

    Names get a backslash before signs; columns whose names can't be typed so stand in lists behind their kind.
    """
    if not value.startswith("{"):
        return ""
    try:
        found = yaml.safe_load(value)
    except yaml.YAMLError:
        return ""
    is_mapping = isinstance(found, dict) and all(isinstance(name, str) for name in found)
    if not is_mapping or None in found.values():  # of names alone, or without a space behind the colon
        return ""
    escaped = ", ".join(f"{_escaped(name)}: {written(one)}" for name, one in found.items())
    if is_fine(override := f"{key}={{{escaped}}}"):
        return f"names in a mapping have no quotes but a backslash before signs: {shell_quoted(override)}"
    if key != "data.columns" or not all(isinstance(kind, str) for kind in found.values()):
        return ""
    lists: dict[str, list[str]] = {}
    for name, kind in found.items():
        lists.setdefault(kind, []).append(written(name))
    override = f"{key}={{{', '.join(f'{kind}: [' + ', '.join(names) + ']' for kind, names in lists.items())}}}"
    return f"such names stand in a list: {shell_quoted(override)}" if is_fine(override) else ""


def _escaped(name: str) -> str:
    return re.sub(_SIGNS, r"\\\1", name)


def written(value: Any) -> str:
    """Return a value as Hydra reads it, strings in quotes where they need some."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_escaped(str(name))}: {written(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if not isinstance(value, str):
        return str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)
    if re.fullmatch(r"[-+]?\d+(\.\d*)?e[-+]?\d+", value, re.IGNORECASE):  # a number to Hydra, and none to YAML
        return value
    if re.fullmatch(r"(?!(true|false|null|nan|inf)$)[A-Za-z_][\w-]*", value, re.ASCII | re.IGNORECASE):
        return value
    return '"' + re.sub(r'(\\*)"', r'\1\1\\"', value) + '"'
