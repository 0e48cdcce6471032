"""Paths and strings as they are shown, and as they can be typed into a shell."""

import re
from pathlib import Path

from trainhouse.configuration.printable import printable, shell_quoted


def shown_path(path: Path) -> str:
    """Return a path as it is shown: relative to the working folder if it is below."""
    return printable(_short(path))


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def as_override(key: str, path: Path) -> str:
    """Return ``key=path`` as it can be typed into a shell."""
    shown = _short(path)
    if re.fullmatch(r"[\w./+-]+", shown, re.ASCII):
        return f"{key}={shown}"
    override = f"{key}={quoted(shown)}"
    is_plain = override.isprintable() and not re.search(r'["$`\\!]', override)
    return f'"{override}"' if is_plain else shell_quoted(override)


def quoted(text: str) -> str:
    """Return a string in quotes, so that Hydra reads nothing into what it holds."""
    doubled = re.sub(r"\\+(?='|$)", r"\g<0>\g<0>", text)  # a backslash means more than itself before a quote only
    return "'" + doubled.replace("'", "\\'") + "'"
