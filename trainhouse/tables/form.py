"""Tables that are not in UTF-8, or not with commas: what they are is said before a column is missed in them."""

import codecs
import gzip
import re
import zlib
from collections.abc import Iterable
from pathlib import Path

from trainhouse.configuration.errors import UserError

_HEAD_BYTES = 2**16
_SEPARATORS = {";": "semicolon", "\t": "tab", "|": "vertical bar"}
_FOR_EXCEL = re.compile(r'\s*"?sep=(.)"?[,;\s]*', re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"(^|[;\t|])[+-]?\d+,\d+($|[;\t|])")


def refuse_other_form(path: Path, key: str, known: Iterable[str] = ()) -> None:
    """Raise `UserError` for a file in UTF-16, with a line for Excel in front, or whose columns no comma separates.

    A header that is one of the `known` names of columns is one, whatever is in it.
    """
    head, source = _head(path), f"{key}: {path}"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UserError(f"{source} is text in UTF-16; save it as UTF-8 (in Excel as CSV UTF-8)")
    if b"\0" in head.partition(b"\n")[0]:
        raise UserError(f"{source} is no text in UTF-8; save it as CSV in UTF-8")
    lines = [line for line in head.decode("utf-8-sig", "replace").splitlines() if line.strip()]
    header, more = (lines[0], lines[1:20]) if lines else ("", [])
    if for_excel := _FOR_EXCEL.fullmatch(header):
        also = "" if for_excel[1] == "," else ", and save the table with commas"
        raise UserError(f"{source} begins with '{header.strip()}', a line that only Excel reads; delete it{also}")
    bare = re.sub(r'"[^"]*"', "", header)
    separator = max(_SEPARATORS, key=bare.count)
    if "," in bare or not (count := bare.count(separator)) or header.strip('"') in known:
        return
    name = _SEPARATORS[separator]
    points = " and decimal points" if any(map(_DECIMAL_COMMA.search, more)) else ""
    raise UserError(
        f"{source}: its header has no comma but {count} {name}{'s' * (count > 1)}: {name}s separate its columns; save "
        f"it with commas{points}"
    )


def _head(path: Path) -> bytes:
    """The beginning of a file; nothing of one that can't be unpacked, of which its reader says more."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            return file.read(_HEAD_BYTES)
    except (OSError, EOFError, zlib.error):
        return b""
