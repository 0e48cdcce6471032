"""Rows of a text file with more or fewer cells than its header has names."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from trainhouse.configuration.errors import UserError
from trainhouse.tables.problems import Problems

OPEN_QUOTE = "a quote is opened that is never closed"


def ragged(problems: Problems, skipped: int, unnamed: int) -> Callable[[csv.InvalidRow], str]:
    """Return what adds such rows to the `problems`; `skipped` lines stand above the header.

    Most rows end in `unnamed` empty cells more than the header has names.
    """

    def note(row: csv.InvalidRow) -> str:
        number = row.number - skipped - 2
        if "\n" in row.text and row.text.count('"') % 2:
            problems.add(f"row {number}: {OPEN_QUOTE}", "rows")
        else:
            cells = f"{row.actual_columns} cell{'s' * (row.actual_columns != 1)}"
            others = f" and most rows have {row.expected_columns}" if unnamed else ""
            problems.add_row(number, f"has {cells}, but the header has {row.expected_columns - unnamed}{others}")
        return "skip"

    return note


def refuse_filled(cells: pa.Array, start: int, source: str) -> None:
    """Raise `UserError` if a column without a name isn't empty, as in most of the first rows: a cell too many.

    `start` is the number of the first row.
    """
    if (row := pc.index(pc.not_equal(pc.utf8_trim_whitespace(cells), ""), True).as_py()) >= 0:
        raise UserError(
            f"{source}: row {start + row} has '{cells[row].as_py():.40}' behind the last column with a name; put "
            "quotes around cells with a separator in them, or name that column"
        )
