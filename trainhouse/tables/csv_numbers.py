"""How the cells of a table write numbers: with decimal commas, with separators of thousands.

Only what is certain is read. 1,5 has a decimal comma; 1,770.0 and 1,003,504 have separators of thousands; 3,504 alone
may be either. A file with decimal commas in one column and decimal points in another is not read as either.
"""

from collections.abc import Mapping
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from trainhouse.tables.column_kinds import is_padded
from trainhouse.tables.csv_form import FormKeys

_SIGN, _DIGITS, _EXPONENT = "[+-]?", "[0-9]", "([eE][+-]?[0-9]+)?"
_SPACES = "\u00a0\u2009\u202f'\u2019"
# Each is looked for in what the ones before have left.
_KINDS = {
    "whole": rf"{_SIGN}[0-9]+{_EXPONENT}",
    "point or thousands": rf"{_SIGN}[1-9][0-9]{{0,2}}\.[0-9]{{3}}",
    "comma or thousands": rf"{_SIGN}[1-9][0-9]{{0,2}},[0-9]{{3}}",
    "address": r"[0-9]{1,3}(\.[0-9]{3}){3}",
    "point": rf"{_SIGN}([0-9]+\.[0-9]*|\.[0-9]+){_EXPONENT}",
    "comma": rf"{_SIGN}([0-9]+,[0-9]*|,[0-9]+){_EXPONENT}",
    "grouped by points, comma": rf"{_SIGN}[1-9][0-9]{{0,2}}(\.[0-9]{{3}})+,[0-9]*",
    "grouped by points": rf"{_SIGN}[1-9][0-9]{{0,2}}(\.[0-9]{{3}}){{2,}}",
    "grouped by commas, point": rf"{_SIGN}[1-9][0-9]{{0,2}}(,[0-9]{{3}})+\.[0-9]*",
    "grouped by commas": rf"{_SIGN}[1-9][0-9]{{0,2}}(,[0-9]{{3}}){{2,}}",
    "spaced": rf"{_SIGN}[1-9][0-9]{{0,2}}([{_SPACES}][0-9]{{3}})+",
    "spaced, comma": rf"{_SIGN}[1-9][0-9]{{0,2}}([ {_SPACES}][0-9]{{3}})+,[0-9]*",
    "spaced, point": rf"{_SIGN}[1-9][0-9]{{0,2}}([ {_SPACES}][0-9]{{3}})+\.[0-9]*",
}
_COMMA = {"comma", "grouped by points, comma", "grouped by points", "spaced, comma"}
_POINT = {"point", "grouped by commas, point", "grouped by commas", "spaced, point"}
_SPACED = {"spaced", "spaced, comma", "spaced, point"}


class Written(NamedTuple):
    """How a file writes numbers: the decimal mark, the separators of thousands, and what is not certain."""

    decimal: str = "."
    thousands: str = ""
    grouped: frozenset[str] = frozenset()
    """The columns that have separators of thousands."""
    doubtful: Mapping[str, str] = {}
    """A cell of each column of which it isn't certain whether its points are decimal."""
    numbers: frozenset[str] = frozenset()
    """The columns that hold nothing but numbers, however they are written."""
    cleaned: frozenset[str] = frozenset()
    """Those of them that pyarrow's reader can't read as they are written."""


class Evidence:
    """Counts the ways in which the cells of each column write numbers."""

    def __init__(self, missing: pa.Array, keys: FormKeys) -> None:
        """Cells that are `missing` say nothing. A plain space separates thousands only if the `keys` say so."""
        self._missing = missing
        self._forms = _KINDS
        if keys.thousands == " ":
            self._forms = {kind: form.replace(f"[{_SPACES}]", f"[ {_SPACES}]") for kind, form in _KINDS.items()}
        self._found: dict[str, set[str]] = {}
        self._example: dict[str, str] = {}
        self._is_text: set[str] = set()
        self._padded: set[str] = set()

    def add(self, name: str, cells: pa.Array) -> None:
        """Add cells of a column, as strings. Of one that has text it is known already that it holds no numbers."""
        if name in self._is_text:
            return
        cells = cells.drop_null()
        trimmed = pc.utf8_trim_whitespace(cells)
        if name not in self._padded and is_padded(cells, trimmed, self._missing):
            self._padded.add(name)
        cells = trimmed.filter(pc.invert(pc.is_in(trimmed, self._missing)))
        found = self._found.setdefault(name, set())
        for kind, form in self._forms.items():
            if not len(cells):
                return
            matches = pc.match_substring_regex(cells, f"^(?:{form})$")
            if pc.any(matches).as_py():
                found.add(kind)
                if kind == "point or thousands" and name not in self._example:
                    self._example[name] = cells.filter(matches)[0].as_py()
                cells = cells.filter(pc.invert(matches))
        if len(cells) or "address" in found:
            self._is_text.add(name)

    def has_open_question(self, may_have_commas: bool) -> bool:
        """Whether cells further behind may say what these don't: whole ones, if others `may_have_commas`."""
        return any(
            "comma or thousands" in kinds or (may_have_commas and kinds <= {"whole", "point or thousands"})
            for name, kinds in self._found.items()
            if name not in self._is_text
        )

    def read(self, asks_for_points: bool, keys: FormKeys) -> Written:
        """Return how the numbers are to be read, if the `keys` don't say it.

        With `asks_for_points` 1.234 may be 1234: in a file whose separator comes with decimal commas.
        """
        numbers = {name: kinds for name, kinds in self._found.items() if kinds and name not in self._is_text}
        kinds = set().union(*numbers.values())
        has_comma, has_point = bool(kinds & _COMMA), bool(kinds & _POINT)
        decimal, thousands = keys.decimal, keys.thousands
        if "decimal" in keys.hints and has_comma != has_point:
            decimal = thousands = None
        if decimal is None and thousands is None and has_comma and has_point:
            plain = _without_groups(numbers, ".")
            return Written(numbers=plain, cleaned=plain & self._padded)
        mark = decimal or {".": ",", ",": "."}.get(thousands or "", "," if has_comma and not has_point else ".")
        by = thousands if thousands is not None else _separator(numbers, mark)
        is_set = thousands is not None
        grouped = frozenset(name for name, found in numbers.items() if by and _is_grouped(found, by, is_set))
        kind = "point or thousands"
        if not (is_set or has_comma or has_point or decimal):
            asks = asks_for_points
        else:  # 80.512 beside 79,5, or in new rows alone, is thousands if such are certain elsewhere
            asks = mark == "," and not is_set and not kinds & {"grouped by points", "grouped by points, comma"}
        is_open = not has_comma and (not decimal or "decimal" in keys.hints)
        doubtful = {name for name, found in numbers.items() if asks and kind in found and (is_open or "comma" in found)}
        examples = {name: self._example[name] for name in doubtful}
        plain = _without_groups(numbers, mark) | grouped
        return Written(mark, by if grouped else "", grouped, examples, plain, grouped | (plain & self._padded))


def _is_grouped(found: set[str], by: str, is_set: bool) -> bool:
    """Whether a column with these ways of writing has separators of thousands: it is `is_set`, or has to be certain."""
    if by == ".":
        return bool(found & {"grouped by points", "grouped by points, comma", "point or thousands"})
    if by == ",":
        is_certain = is_set or found & {"grouped by commas", "grouped by commas, point", "point"}
        return bool(is_certain and found & {"comma or thousands", "grouped by commas", "grouped by commas, point"})
    return bool(found & _SPACED)


def _separator(numbers: Mapping[str, set[str]], mark: str) -> str:
    candidates = (by for by in ((".", " ") if mark == "," else (",", " ")))
    return next((by for by in candidates if any(_is_grouped(found, by, False) for found in numbers.values())), "")


def _without_groups(numbers: Mapping[str, set[str]], mark: str) -> frozenset[str]:
    """The columns that are numbers with that decimal mark, and without separators of thousands."""
    takes = {"whole", "comma", "comma or thousands"} if mark == "," else {"whole", "point", "point or thousands"}
    return frozenset(name for name, found in numbers.items() if found <= takes)


def plain_numbers(cells: pa.Array, written: Written, missing: pa.Array) -> pa.Array:
    """Return cells as a program writes numbers, and null for the `missing`; what is no number becomes a `?`."""
    cells = pc.utf8_trim_whitespace(cells)
    by = f"[ {_SPACES}]" if written.thousands == " " else f"[{written.thousands}]"
    whole = f"({_DIGITS}{{1,3}}({by}{_DIGITS}{{3}})+|{_DIGITS}+)" if written.thousands else f"{_DIGITS}+"
    mark = f"[{written.decimal}]"
    form = f"^{_SIGN}({whole}({mark}{_DIGITS}*)?|{mark}{_DIGITS}+){_EXPONENT}$"
    plain = pc.replace_substring_regex(cells, by, "") if written.thousands else cells
    plain = pc.replace_substring(plain, ",", ".") if written.decimal == "," else plain
    plain = pc.if_else(pc.match_substring_regex(cells, form), plain, "?")
    return pc.if_else(pc.is_in(cells, missing), pa.scalar(None, pa.string()), plain)
