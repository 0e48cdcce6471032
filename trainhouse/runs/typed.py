"""Paths and strings as they are shown, and as they can be typed into a shell."""

import re
import shutil
import sys
from functools import cache
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


def command(script: str, *words: str) -> str:
    """Return a command line for one of the project's scripts that works where, and as, this command was typed.

    The `words` behind it are quoted already.
    """
    typed = Path(sys.argv[0])
    path = typed.with_name(f"{script}.py") if typed.suffix == ".py" else Path("none")
    name = shell_quoted(str(path)) if path.is_file() else f"{script}.py"
    return " ".join((python(), name, *words))


@cache
def python() -> str:
    """Return what this Python is called in a shell: ``python`` if that is the one, else as it was typed."""
    here = Path(sys.executable)
    found = shutil.which("python")
    if found and Path(found).absolute().parent == here.parent and here.samefile(found):
        return "python"
    typed = sys.orig_argv[0] if sys.orig_argv else ""
    known = shutil.which(typed) if typed else None
    return shell_quoted(typed if known and here.samefile(known) else str(here))


def quoted(text: str) -> str:
    """Return a string in quotes, so that Hydra reads nothing into what it holds."""
    doubled = re.sub(r"\\+(?='|$)", r"\g<0>\g<0>", text)  # a backslash means more than itself before a quote only
    return "'" + doubled.replace("'", "\\'") + "'"
