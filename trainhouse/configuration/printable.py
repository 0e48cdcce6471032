"""Text that may be anybody's, as it is shown: what a terminal would obey, or what hides in a line, is written out.

Names of folders and classes, and whatever stands in a file, may hold a line break, the signs that move a cursor, or
those that turn the direction of writing. They reach the terminal and the log through here.
"""

import shlex
import unicodedata

_NAMED = {"\n": r"\n", "\r": r"\r", "\t": "\t"}


def printable(text: object, lines: bool = False) -> str:
    """Return `text` with its signs that are not to be seen written as Python does; of several `lines`, if so."""
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(_shown(sign) if not (lines and sign == "\n") else sign for sign in shown)


def _shown(sign: str) -> str:
    if sign.isprintable() or unicodedata.category(sign) == "Zs":
        return sign
    return _NAMED.get(sign) or sign.encode("unicode_escape").decode("ascii")


def shell_quoted(text: str) -> str:
    """Return `text` as it can be typed into a shell; signs that can't be seen are written out there too."""
    return shlex.quote(printable(text))


def shell_joined(arguments: list[str]) -> str:
    """Return a command line as it can be typed into a shell."""
    return " ".join(map(shell_quoted, arguments))
