"""Rows that are none of the data: totals, averages and notes below a table, comments within."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from trainhouse.configuration.errors import UserError
from trainhouse.tables.stored_cells import Cells

_LEAST_ROWS = 5  # of fewer a sum may come by chance
_LAST = 3
_LOOK = 1024
_ROUNDED = 1e-4  # of a sum, as it is written
_WORDS = (
    "(grand |sub[- ]?|overall )?totals?|sums?|averages?|avg|means?|medians?|std|count|gesamt(summe)?|summen?|insgesamt|"
    "(zwischen|end)summe|mittel(wert)?|durchschnitt|somme|moyenne|suma|promedio|media|totale|totaal|gemiddelde|"
    "итого|всего|среднее|合计|总计|平均|合計"
)
_TOTAL = re.compile(rf"({_WORDS})(\b.{{0,30}})?", re.IGNORECASE)
_COMMENT = re.compile(r"#\s|//|--\s|;;")


class _Last(NamedTuple):
    """What the cells of one of the last rows are."""

    row: int
    word: str
    """A text that stands for a total, and in no other row of its column."""
    sums: list[str]
    """The columns in which it has the sum of all rows above."""
    lacks: list[str]
    """The columns that only this row has nothing in."""


def last_row_lines(table: Cells, source: str) -> list[str]:
    """Return a line for each of the last rows that may be a total or an average of those above.

    Raises `UserError` for one that is certain: several of its numbers are the sums of what stands above, or one beside
    a word for it or empty cells.
    """
    lines = []
    for row in range(max(_LEAST_ROWS, table.num_rows - _LAST), table.num_rows):
        last = _look_at(table, row)
        named = f"'{last.word:.40}' " * bool(last.word)
        if last.sums and (last.word or last.lacks or len(last.sums) > 1):
            raise UserError(
                f"{source}: row {row} {named}is the sum of the rows above it (column{'s' * (len(last.sums) > 1)} "
                f"{', '.join(last.sums)}); delete it"
            )
        if last.word or last.sums:
            what = f"its {', '.join(last.sums)} is the sum of those above" if last.sums else "by its text"
            lines.append(f"row {row} {named}may be a total or an average of those above ({what}); delete it if it is")
        elif 2 * len(last.lacks) >= len(table.column_names):
            lines.append(
                f"row {row} lacks {', '.join(last.lacks)}, which all others have: a total or a note below the table? "
                "delete it if it is"
            )
    return lines


def _look_at(table: Cells, row: int) -> _Last:
    word, sums, lacks = "", list[str](), list[str]()
    for name in table.column_names:
        column = table.column(name)
        cell = column[row].as_py()
        if cell is None or cell == "":
            is_text = pa.types.is_string(column.type)
            absent = pc.sum(pc.equal(pc.fill_null(column, ""), "")).as_py() if is_text else column.null_count
            lacks += [name] if absent == 1 else []
        elif pa.types.is_string(column.type):
            if _TOTAL.fullmatch(cell.strip()) and pc.sum(pc.equal(column, cell)).as_py() == 1:
                word = cell.strip()
        elif pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            sums += [name] if _is_sum(column, row, cell) else []
    return _Last(row, word, sums, lacks)


def _is_sum(column: pa.ChunkedArray, row: int, cell: float) -> bool:
    """Whether a cell is the sum of all above, and larger than each of them: of most columns a few are read."""
    some = pc.max(pc.abs(column.slice(0, min(row, _LOOK)).cast(pa.float64(), safe=False))).as_py()
    if some is None or abs(cell) <= some:
        return False
    above = column.slice(0, row).cast(pa.float64(), safe=False)
    total = pc.sum(above).as_py() or 0.0
    return bool(abs(cell) > pc.max(pc.abs(above)).as_py() and abs(cell - total) <= _ROUNDED * abs(total))


def comment_lines(categories: Mapping[str, Sequence[str]], first_column: str) -> list[str]:
    """Return a line if the first column has texts that begin as comments do, among others that don't."""
    texts = categories.get(first_column, ())
    found = [text for text in texts if _COMMENT.match(text)]
    if not found or 2 * len(found) > len(texts):
        return []
    return [f"column {first_column}: '{found[0]:.40}' looks like a comment, but its row is one; delete it if it is"]
