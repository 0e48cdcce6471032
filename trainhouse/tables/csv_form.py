"""In which form a text file has its table: recognised where only one reading is possible, asked for where two are."""

import csv
import io
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from statistics import mode
from typing import NamedTuple

from trainhouse.arrays.texts import is_number
from trainhouse.configuration.errors import UserError
from trainhouse.tables.other_layouts import refuse_other_layout
from trainhouse.tables.text_stream import TextStream

_HEAD_BYTES = 2**19
_LOOK = 200  # rows
_MOST_ABOVE = 20  # rows above a header
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
_FOR_EXCEL = re.compile(r'\s*"?sep=(.)"?[,;\s]*', re.IGNORECASE)


class FormKeys(NamedTuple):
    """What is set of a text file's form; None is recognised."""

    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    encoding: str | None = None
    skip_rows: int = 0
    """Lines in front of the header, as a title or comments."""
    hints: frozenset[str] = frozenset()
    """Which of them, or of `sheet`, are those of another file, and say something only where this one doesn't."""

    def check(self) -> "FormKeys":
        """Return it, with a tab where ``\\t`` or ``tab`` is written. Raises `UserError` for what can't be."""
        separator = {"\\t": "\t", "tab": "\t"}.get(self.separator or "", self.separator)
        if separator is not None and len(separator.encode()) != 1:
            raise UserError(f"data.separator: expected one character, as ';' or tab, got '{separator}'")
        if self.decimal not in (None, ".", ","):
            raise UserError(f"data.decimal: expected '.' or ',', got '{self.decimal}'")
        if self.thousands not in (None, "", ".", ",", " ", "'"):
            raise UserError(f"data.thousands: expected '.', ',', ' ', \"'\" or '' for none, got '{self.thousands}'")
        if self.skip_rows < 0:
            raise UserError(f"data.skip_rows: expected a number of lines from 0 up, got {self.skip_rows}")
        if self.decimal and self.decimal == self.thousands:
            raise UserError(f"data.thousands: '{self.thousands}' is the decimal mark (data.decimal)")
        thousands = " " if self.thousands == "'" else self.thousands
        return self._replace(separator=separator, thousands=thousands)

    def with_marks(self, marks: Sequence[str]) -> "FormKeys":
        """Return it with a decimal mark, and a separator of thousands if there is one."""
        return self._replace(decimal=marks[0], thousands=marks[1] or None) if marks else self

    def place_of_header(self, rows: Sequence[Collection[str]], known: Collection[str]) -> int:
        """Return which of the first `rows` is the header: at most `skip_rows`, less where that is a hint.

        Then it is the one with most of the `known` names of columns, the first one if none has any.
        """
        last = min(self.skip_rows, len(rows) - 1)
        if "skip_rows" not in self.hints or not known:
            return last
        return max(range(last + 1), key=lambda place: len({*rows[place]} & {*known}))


class Head(NamedTuple):
    """The beginning of a text file: its form, its header and its first rows."""

    separator: str
    skipped: int
    """Lines in front of the header."""
    names: list[str]
    rows: list[list[str]]
    encoding: str | None
    is_whole: bool
    """Whether these are all rows."""
    added: int = 0
    """How many of the names, the last ones, are those of separators that most rows end in, but not the header."""


def read_head(path: Path, source: str, keys: FormKeys, known: Collection[str]) -> Head:
    """Return how a file begins. Raises `UserError` where the separator could be two, or the header is none.

    A header that has the `known` names of columns is read as that one.
    """
    with TextStream(path, source, keys.encoding, "encoding" in keys.hints) as stream:
        head = b""
        while len(head) < _HEAD_BYTES and (block := stream.read(2**16)):
            head += block
        is_whole = len(head) < _HEAD_BYTES
        encoding = stream.encoding
    text = head.decode("utf-8", "ignore").removeprefix("\ufeff")
    lines = io.StringIO(text, newline=None).read().split("\n")
    first = [_cells(lines[place:]) for place in range(min(keys.skip_rows + 1, len(lines)))]
    skipped = keys.place_of_header(first, known)
    while skipped < len(lines) - 1 and not lines[skipped].strip():
        skipped += 1
    separator, may_change = keys.separator, "separator" in keys.hints or not keys.separator
    if for_excel := _FOR_EXCEL.fullmatch(lines[skipped]):
        separator, may_change, skipped = for_excel[1], False, skipped + 1
    if keys.separator is None and may_change:
        refuse_other_layout(lines[skipped : skipped + _LOOK], SEPARATORS, path, source, known)
    body = "\n".join(lines[skipped:])
    if not keys.skip_rows or "skip_rows" in keys.hints:
        _refuse_title(body, skipped, source, separator, known)
    if may_change:
        separator = _separator(body, is_whole, source, known, separator)
    assert separator is not None
    rows = _split(body, separator, is_whole)
    if not rows:
        return Head(separator, skipped, [], [], encoding, is_whole)
    names, rows = rows[0], rows[1:]
    added = _added(names, rows)
    names = [*names, *[""] * added]
    return Head(separator, skipped, names, rows, encoding, is_whole and len(rows) < _LOOK, added)


def _refuse_title(text: str, skipped: int, source: str, separator: str | None, known: Collection[str]) -> None:
    """Raise `UserError` if lines stand above the header, as comments or a title: all others have more cells."""
    separators = [separator] if separator else [*SEPARATORS]
    for one in separators:
        first, *others = _split(text, one, False) or [[]]
        if {*first} & {*known} or (any(first[1:]) and (_fit(first, others) or _added(first, others))):
            return
    for one in separators:
        rows, starts = list[list[str]](), list[int]()
        reader = csv.reader(io.StringIO(text), delimiter=one)
        try:
            start = 0
            for row in reader:
                if row:
                    rows.append(row)
                    starts.append(start)
                start = reader.line_num
                if len(rows) > _LOOK:
                    break
        except csv.Error:
            continue
        if not rows:
            continue
        filled, width = len([cell for cell in rows[0] if cell.strip()]), mode(map(len, rows))
        is_short = filled == 1 if len(rows[0]) == width else len(rows[0]) < width
        places = [place for place, row in enumerate(rows[:_MOST_ABOVE]) if place and _is_header(row, width)]
        if not is_short or width < 2 or not places:
            continue
        below = [len(row) == width for row in rows[places[0] + 1 :]]
        if sum(below) > 0.9 * len(below):
            title, above = text[: _end_of_line(text)], skipped + starts[places[0]]
            if 1 < filled == len(rows[0]) == width - 1:  # R names row names by no name
                raise UserError(
                    f"{source}: its first line has {filled} names, but rows have {width} cells; name the first column "
                    f"too, or set data.skip_rows={above} if line {above + 1} is the header"
                )
            raise UserError(
                f"{source}: its first line ('{title:.40}') is no header, line {above + 1} may be one; set "
                f"data.skip_rows={above}, or delete the lines above it"
            )


def _added(header: list[str], rows: list[list[str]]) -> int:
    """How many cells more than the header most rows have, all of them empty."""
    width = mode(map(len, rows)) if rows else 0
    added = max(0, width - len(header))
    empty = sum(len(row) == width and not "".join(row[width - added :]).strip() for row in rows)
    return added if empty > len(rows) / 2 else 0


def _fit(header: list[str], rows: list[list[str]]) -> bool:
    """Whether all rows have as many cells as the header, or an empty one more."""
    return all(len(row) in (len(header), len(header) + (not row[-1])) for row in rows)


def _is_header(row: list[str], width: int) -> bool:
    """Whether a row may be a header: each cell is a name."""
    return len(row) == width and all(cell.strip() and not is_number(cell) for cell in row)


def _separator(text: str, is_whole: bool, source: str, known: Collection[str], hint: str | None) -> str:
    """The separator that gives all rows as many cells as the header; the `hint` decides between two."""
    header = _split(text[: _end_of_line(text)], "\0", True)
    if header and header[0][0] in known:
        return ","  # a column of its own, whatever is in its name
    found: dict[str, list[str]] = {}
    ragged: dict[str, list[str]] = {}
    for separator in SEPARATORS:
        rows = _split(text, separator, is_whole)
        if rows and len(rows[0]) > 1:
            (found if _fit(rows[0], rows[1:]) else ragged)[separator] = rows[0]
    if len(found) > 1:
        found = {one: names for one, names in found.items() if known and {*names} & {*known}} or found
    if hint in found:
        return str(hint)
    if len(found) == 1:
        return next(iter(found))
    if found:
        ways = " or ".join(f"{SEPARATORS[one]}s ({len(names)} columns)" for one, names in found.items())
        raise UserError(
            f"{source}: its columns may be separated by {ways}; say which, as data.separator='{next(iter(found))}'"
        )
    if not ragged or ("," not in ragged and _is_one(text)):
        return ","
    if len(ragged) > 1 and "," not in ragged:
        ways = " or ".join(f"{SEPARATORS[one]}s" for one in ragged)
        raise UserError(
            f"{source}: its header may be separated by {ways}, its rows have other numbers of cells; set data.separator"
        )
    return next(iter(ragged))


def _is_one(text: str) -> bool:
    """Whether the rows have none of the separators: the header is the name of one column, with a mark in it."""
    rows = text[_end_of_line(text) :]
    return not any(separator in rows for separator in SEPARATORS)


def _cells(lines: list[str]) -> set[str]:
    """The cells of the first row, whatever separates them."""
    text = "\n".join(lines[:_MOST_ABOVE])
    return {cell for separator in SEPARATORS for row in _split(text, separator, True)[:1] for cell in row}


def _end_of_line(text: str) -> int:
    place = text.find("\n")
    return len(text) if place < 0 else place


def _split(text: str, separator: str, is_whole: bool) -> list[list[str]]:
    """The cells of the first rows; a last one that may go on behind is left out."""
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text), delimiter=separator):
            if row:
                rows.append(row)
            if len(rows) > _LOOK:
                return rows[:-1]
    except csv.Error:
        return rows
    return rows if is_whole or len(rows) < 2 else rows[:-1]
