"""Rows that are none of the data: totals, averages and notes below a table, comments within."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from trainhouse.configuration.errors import UserError
from trainhouse.tables.stored_cells import Cells

_LEAST_ROWS = 5  # of fewer a sum may come by chance
_LEAST_SUMS, _LEAST_CELLS = 3, 4  # columns, and numbers in each: two sums of few ones are alike by chance
_LAST = 3
_LOOK = 1024
_ROUNDED = 1e-4  # of a sum, as it is written
_WORDS = (
    "(grand |sub[- ]?|overall )?totals?|sums?|averages?|avg|means?|medians?|std|count|gesamt(summe)?|summen?|insgesamt|"
    "(zwischen|end)summe|mittel(wert)?|durchschnitt|somme|moyenne|suma|promedio|totale|totaal|gemiddelde|"
    "итого|всего|среднее|合计|总计|平均|合計"
)
_NOTE = r"\s*[:=].{0,30}|[\s(]+\d[\d\s/.,-]*\)?"  # Total 2023, not Total Recall
_TOTAL = re.compile(f"({_WORDS})({_NOTE})?", re.IGNORECASE)
_COMMENT = re.compile(r"#\s|//|--\s|;;")


class _Last(NamedTuple):
    """What the cells of one of the last rows are."""

    row: int
    word: str = ""
    """A text that stands for a total, and in no other row of its column."""
    sums: Sequence[str] = ()
    """The columns in which it has the sum of all rows above."""
    is_all: bool = False
    """Whether these are all columns of numbers in which it has one."""
    are_many: bool = False
    """Whether they are three or more, and nearly all."""
    lacks: Sequence[str] = ()
    """The columns that only this row has nothing in."""
    lacks_text: bool = False

    @property
    def is_certain(self) -> bool:
        return bool(self.sums) and (bool(self.word) or self.are_many or (self.is_all and self.lacks_text))


def last_row_lines(table: Cells, columns: Sequence[str], source: str, may_refuse: bool) -> list[str]:
    """Return a line for each of the last rows that may be a total or an average of those above.

    Numbers in `columns` count. Raises `UserError` for a row that is certain, if it `may_refuse`: it has sums of what
    stands above beside a word for it, in nearly all of several columns, or in all beside texts that only it lacks.
    """
    lines = []
    for row in range(max(_LEAST_ROWS, table.num_rows - _LAST), table.num_rows):
        last = _look_at(table, columns, row)
        named = f"'{last.word:.40}' " * bool(last.word)
        if last.is_certain and may_refuse:
            raise UserError(
                f"{source}: row {row} {named}is the sum of the rows above it (column{'s' * (len(last.sums) > 1)} "
                f"{', '.join(last.sums)}); delete it"
            )
        if last.word or last.sums:
            what = f"its {', '.join(last.sums)} is the sum of those above" if last.sums else "by its text"
            lines.append(f"row {row} {named}may be a total or an average of those above ({what}); delete it if it is")
        elif 2 * len(last.lacks) >= len(columns):
            lines.append(
                f"row {row} lacks {', '.join(last.lacks)}, which all others have: a total or a note below the table? "
                "delete it if it is"
            )
    return lines


def _look_at(table: Cells, columns: Sequence[str], row: int) -> _Last:
    word, sums, lacks, numbers, lacks_text = "", list[str](), list[str](), list[str](), False
    for name in table.column_names:
        column, is_used = table.column(name), name in columns
        cell, is_text = column[row].as_py(), pa.types.is_string(column.type)
        if cell is None or cell == "":
            absent = pc.sum(pc.equal(pc.fill_null(column, ""), "")).as_py() if is_text else column.null_count
            lacks += [name] if absent == 1 and is_used else []
            lacks_text |= absent == 1 and is_used and is_text
        elif is_text:  # in a column that is left out too
            if _TOTAL.fullmatch(cell.strip()) and pc.sum(pc.equal(column, cell)).as_py() == 1:
                word = cell.strip()
        elif is_used and (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            numbers.append(name)
            sums += [name] if _is_sum(column, row, cell) else []
    is_full = bool(sums) and all(_has_several(table.column(name).slice(0, row)) for name in sums)
    are_many = is_full and len(sums) >= _LEAST_SUMS and 10 * len(sums) >= 9 * len(numbers)
    return _Last(row, word, sums, is_full and sums == numbers, are_many, lacks, lacks_text)


def _has_several(column: pa.ChunkedArray) -> bool:
    """Whether a sum of the column is one of several numbers other than 0."""
    return bool((pc.sum(pc.not_equal(column, 0)).as_py() or 0) >= _LEAST_CELLS)


def _is_sum(column: pa.ChunkedArray, row: int, cell: float) -> bool:
    """Whether a cell is the sum of all above, and larger than each of them: of most columns a few are read."""
    some = pc.max(pc.abs(column.slice(0, min(row, _LOOK)).cast(pa.float64(), safe=False))).as_py()
    if some is None or abs(cell) <= some:
        return False
    above = column.slice(0, row).cast(pa.float64(), safe=False)
    total = pc.sum(above).as_py() or 0.0
    return bool(abs(cell) > pc.max(pc.abs(above)).as_py() and abs(cell - total) <= _ROUNDED * abs(total))


def comment_lines(table: Cells, categories: Mapping[str, Sequence[str]], first_column: str) -> list[str]:
    """Return a line if the first column has a text that begins as a comment does, once, among others that don't."""
    texts = categories.get(first_column, ())
    found = [text for text in texts if _COMMENT.match(text)]
    if not found or 2 * len(found) > len(texts):
        return []
    column = table.column(first_column)
    found = [text for text in found if pc.sum(pc.equal(column, text)).as_py() == 1]
    what = "looks like a comment, but its row is one; delete it if it is"
    return [f"column {first_column}: '{text:.40}' {what}" for text in found[:1]]
