"""Lays out a page of help in 80 columns of plain text, the same on a terminal and in a pipe.

Widths are those on a terminal, where some characters are two columns wide.
"""

import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from rich.cells import cell_len, set_cell_size

from trainhouse.runs.typed import quoted

WIDTH = 80
_LEFT = 34  # where a table's second column begins at the latest
_FIRM = "\N{NO-BREAK SPACE}"
_FILL = "\0"  # behind each character that is two columns wide, for what counts characters
_PLAIN = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+:%$")


def paragraph(text: str, indent: int = 0) -> list[str]:
    """Return the lines of a paragraph."""
    return _wrapped(text, WIDTH - indent, " " * indent)


def comment(lines: Iterable[str]) -> list[str]:
    """Return the comment of a file as paragraphs; a line in it that is set in, an example, stays a line."""
    found: list[str] = []
    running: list[str] = []
    for line in [*lines, " "]:
        if line.startswith(" ") or not line:
            found += paragraph(" ".join(running)) if running else []
            found += _wrapped(line.strip(), WIDTH - 4, "    ") if line.strip() else []
            running = []
        else:
            running.append(line)
    return found


def table(rows: Sequence[tuple[str, str]], indent: int = 2, left: int = _LEFT) -> list[str]:
    """Return rows of two columns, the right one wrapped; it begins on the next line where the left one is longer."""
    fitting = [width for one, _ in rows if (width := cell_len(one)) <= left - indent - 2]
    column = indent + 2 + max(fitting, default=2)
    found = []
    for one, other in rows:
        lines = _wrapped(other, WIDTH - column, "")
        if (width := cell_len(one)) <= column - indent - 2 and lines:
            found.append(f"{' ' * indent}{one}{' ' * (column - indent - width)}{lines.pop(0)}")
        else:
            found.append(f"{' ' * indent}{shortened(one, WIDTH - indent)}")
        found += [f"{' ' * column}{line}" for line in lines]
    return found


def first_sentence(text: str) -> str:
    """Return what stands before the first point that ends a sentence."""
    return re.split(r"(?<=[.!?])\s(?=[A-Z])", text)[0]


def as_typed(value: Any) -> str:
    """Return a value as it is typed behind ``key=``, but for the quotes that a shell may ask for."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return f"[{','.join(map(as_typed, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{name}:{as_typed(item)}" for name, item in value.items()) + "}"
    text = str(value)
    return text if not isinstance(value, str) or set(text) <= _PLAIN | set("{}") else quoted(text)


def shortened(text: str, width: int) -> str:
    """Return a string of one line, its end left out where it is too long."""
    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 3)}..."


def _wrapped(text: str, width: int, before: str) -> list[str]:
    """Return the lines of a paragraph; what stands in brackets at its end stays together, if it fits into a line."""
    ending = re.search(r" (\[[^\[\]]*\])$", text)
    if ending and cell_len(ending[1]) <= width:
        text = text[: ending.start(1)] + ending[1].replace(" ", _FIRM)
    filled = "".join(one + _FILL * (cell_len(one) - 1) for one in text)
    lines = textwrap.wrap(filled, width, break_on_hyphens=False)
    return [f"{before}{line.replace(_FIRM, ' ').replace(_FILL, '')}" for line in lines]
