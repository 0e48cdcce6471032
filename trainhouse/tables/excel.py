"""Sheets of workbooks: .xlsx and .xls, with the values that formulas had when they were saved."""

import datetime
import html
import re
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from trainhouse.configuration.errors import UserError, did_you_mean, first_line
from trainhouse.tables.column_kinds import KindFinder, as_kind
from trainhouse.tables.columnar import TypedSource
from trainhouse.tables.csv_form import FormKeys
from trainhouse.tables.header_slips import refuse_second_header
from trainhouse.tables.one_file import Keys
from trainhouse.tables.problems import Problems

_BOOK, _LINKS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
_CELL = re.compile(r'<c r="(?P<place>[A-Z]+\d+)"(?P<kind>[^>/]*)>(?P<rest>.*?)</c>', re.DOTALL)
_LOOK = 50
_VALUE = re.compile(r"<v>([^<]+)</v>")


def open_excel(path: Path, source: str, keys: Keys, missing: pa.Array, known: Collection[str] = ()) -> TypedSource:
    """Open a sheet; it needs no name if it is the only one that holds something. `known` are names of columns."""
    try:
        import python_calamine
    except ImportError:
        raise UserError(
            f"{source}: workbooks are read with python-calamine: pip install -e '.[excel]' (or pip install "
            "python-calamine), or save the sheet as CSV"
        ) from None
    sheet = keys.sheet
    try:
        book = python_calamine.load_workbook(str(path))
        if "sheet" in keys.form.hints and sheet not in book.sheet_names:
            sheet = None
        sheets = {
            name: _rows(book.get_sheet_by_name(name), keys.form, known)
            for name in book.sheet_names
            if sheet in (None, name)
        }
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise UserError(f"{source} is no workbook that can be read ({first_line(error)})") from error
    names = list(book.sheet_names)
    if sheet is not None and sheet not in names:
        raise UserError(
            f"data.sheet: {path} has no sheet '{sheet}', but {', '.join(names)}{did_you_mean(sheet, names)}"
        )
    filled = [name for name, rows in sheets.items() if rows]
    if len(filled) > 1:
        raise UserError(
            f"{source} has {len(filled)} sheets: {', '.join(filled)}; say which, as data.sheet='{filled[0]}'"
        )
    if not filled:
        raise UserError(f"{source} has no rows")
    note = _overlooked(_refuse_uncomputed(path, filled[0], source))
    header, *rows = sheets[filled[0]]
    _refuse_title([header, *rows], source)
    names = [_name(cell) for cell in header]
    if not {*known} & {*names}:
        first = [[*map(_as_text, row)] for row in rows[:_LOOK]]
        refuse_second_header(names, first, missing.to_pylist(), source, keys.no_numbers)
    codes: dict[str, str] = {}
    table = {
        place: _column([row[place] for row in rows], missing, name, keys, codes) for place, name in enumerate(names)
    }

    def read(wanted: list[str]) -> Iterator[pa.RecordBatch]:
        if rows:
            yield pa.RecordBatch.from_arrays([table[names.index(name)] for name in wanted], names=wanted)

    schema = pa.schema([(name, table[place].type) for place, name in enumerate(names)])
    return TypedSource(path, schema, missing, read, codes, note=note)


def _rows(sheet: Any, form: FormKeys, known: Collection[str]) -> list[list[Any]]:
    """The rows of a sheet from its header to its last filled cell, without empty ones."""
    rows = sheet.to_python(skip_empty_area=True)
    if form.skip_rows and rows:
        above = [set[str]() for _ in range(sheet.start[0])]
        cells = [{_name(cell) for cell in row} for row in rows[: form.skip_rows + 1]]
        rows = rows[max(0, form.place_of_header(above + cells, known) - len(above)) :]
    return [row for row in rows if any(cell != "" for cell in row)]


def _refuse_title(rows: list[list[Any]], source: str) -> None:
    """Raise `UserError` if the first row has one cell only, and another one below it is a header."""
    above = next(
        (place for place, row in enumerate(rows[:20]) if all(isinstance(cell, str) and cell for cell in row)), 0
    )
    if above and len(rows[0]) > 1 and sum(cell != "" for cell in rows[0]) == 1:
        raise UserError(
            f"{source}: its first row ('{_name(rows[0][0]):.40}') is no header, the one with "
            f"'{rows[above][0]:.40}' may be one; set data.skip_rows to the number of rows above it"
        )


def _name(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _column(cells: list[Any], missing: pa.Array, name: str, keys: Keys, codes: dict[str, str]) -> pa.Array:
    """A column as a text file would have it: numbers that Excel keeps as text are numbers, whole ones are whole.

    A cell with zeros in front is noted in `codes`.
    """
    filled = [cell for cell in cells if cell != ""]
    types = {type(cell) for cell in filled}
    if types <= {float, int} and types:
        whole = all(cell == int(cell) and abs(cell) < 2**53 for cell in filled)
        return pa.array([None if cell == "" else int(cell) if whole else float(cell) for cell in cells])
    if types and types <= {datetime.datetime, datetime.date}:
        days = [None if cell == "" else cell for cell in cells]
        if datetime.datetime in types:
            times = [day and datetime.datetime.fromisoformat(day.isoformat()) for day in days]
            return pa.array(times, pa.timestamp("us"))
        return pa.array(days, pa.date32())
    texts = pa.array([None if cell == "" else _as_text(cell) for cell in cells], pa.string())
    finder = KindFinder(missing)
    finder.add("", texts)
    if code := finder.codes.get(""):
        codes[name] = code
    return texts if code and name in keys.as_codes else as_kind(texts, finder.kinds[""], missing)


def _overlooked(content: str) -> str:
    """Say which rows of a sheet's XML are hidden, and which cells below the header are merged over several rows."""
    hidden = len(re.findall(r'<row [^>]*?hidden="(?:1|true)"', content))
    merged = [
        f"{place[1]}{place[2]}:{place[3]}{place[4]}"
        for place in re.finditer(r'<mergeCell ref="([A-Z]+)(\d+):([A-Z]+)(\d+)"', content)
        if 1 < int(place[2]) < int(place[4])
    ]
    found = [f"{hidden} hidden row{'s' * (hidden > 1)} among the others"] if hidden else []
    more = f" and {len(merged) - 1} more" if merged[1:] else ""
    found += [f"merged cells ({merged[0]}{more}) have their value in the first row only"] if merged else []
    return ", ".join(found)


def _refuse_uncomputed(path: Path, sheet: str, source: str) -> str:
    """Return the XML of a sheet, "" if there is none.

    Raises `UserError` for formulas without a value, and for errors: both would look like empty cells.
    """
    if path.suffix.lower() != ".xlsx":
        return ""
    found: list[str] = []
    try:
        with zipfile.ZipFile(path) as book:
            content = book.read(_part_of(book, sheet)).decode("utf-8", "replace")
    except (zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{source} is no workbook that can be read ({first_line(error)})") from error
    except (KeyError, StopIteration, ValueError):  # of a program that arranges its files otherwise
        return ""
    for cell in _CELL.finditer(content):
        place, rest = cell["place"], cell["rest"]
        if (value := _VALUE.search(rest)) is None and "<f" in rest:
            found.append(f"{place} has a formula without a value")
        elif value and 't="e"' in cell["kind"] and value[1] not in ("#N/A", "#NULL!"):
            found.append(f"{place} is {value[1]}")
    problems = Problems(f"{source}, sheet {sheet}")
    for number, line in enumerate(found):
        problems.add(f"cell {line}; save the file in the program that computes it, or write a number", str(number))
    problems.refuse()
    return content


def _part_of(book: zipfile.ZipFile, sheet: str) -> str:
    """The name of a sheet's own file within a workbook."""
    names = [html.unescape(name) for name in re.findall(r'<sheet [^>]*?name="([^"]*)"', book.read(_BOOK).decode())]
    ids = re.findall(r'<sheet [^>]*?r:id="([^"]*)"', book.read(_BOOK).decode())
    links = re.findall(r"<Relationship [^>]*>", book.read(_LINKS).decode())
    link = next(one for one in links if f'Id="{ids[names.index(sheet)]}"' in one)
    target = re.search(r'Target="([^"]*)"', link)
    assert target is not None
    return target[1].lstrip("/") if target[1].startswith("/") else f"xl/{target[1]}"


def _as_text(cell: Any) -> str:
    return _name(cell) if isinstance(cell, float) else str(cell)
