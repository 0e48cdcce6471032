"""The categories of a table's columns of text; and columns that are neither categories nor numbers, refused by name."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pyarrow as pa
from pyarrow import csv

from trainhouse.arrays.texts import is_number, spellings
from trainhouse.arrays.written_numbers import how_to_write, is_written_number
from trainhouse.configuration.errors import UserError

_SHOWN = 3
# What stands for a missing number in a column of numbers; in a column of text it is text: NA may be Namibia.
MISSING_WORDS = (*csv.ConvertOptions().null_values, "None", "<NA>")


def find_categories(table: pa.Table, columns: list[str], source: str) -> dict[str, tuple[str, ...]]:
    """The sorted texts of each column that is not numeric. Raises `UserError` for other kinds of columns."""
    found = {}
    for name in columns:
        kind = table.column(name).type
        if pa.types.is_string(kind):
            cells = table.column(name).to_pylist()
            texts = Counter(text for text in cells if text)
            _refuse_numbers(texts, cells, name, source)
            if len(texts) > (table.num_rows // 2 if len(texts) > 100 else max(10, 0.9 * table.num_rows)):
                raise UserError(
                    f"{source}: column {name} has {len(texts)} different texts in {table.num_rows} rows, which is no "
                    f"category; leave it out with data.drop=[{name}]"
                )
            found[name] = tuple(sorted(texts))
        elif holds := not_numbers(kind):
            raise UserError(
                f"{source}: column {name} holds {holds}; leave it out with data.drop=[{name}], or write it "
                "as a column of numbers: days or seconds since a day of your choice"
            )
    return found


def spelling_lines(categories: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return a line for each column with texts that differ in case or spaces only: it is for the user to mend them."""
    lines = []
    for name, texts in categories.items():
        if found := spellings(texts):
            some = ", ".join(" and ".join(map(repr, same)) for same in found[:_SHOWN])
            more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            lines.append(
                f"column {name}: {some}{more} differ in case or spaces only, but are categories of their own; write "
                "them in one way if they mean the same"
            )
    return lines


def not_numbers(kind: pa.DataType) -> str:
    """Return in plain words what a column holds that is neither numbers nor text; nothing for those."""
    if pa.types.is_date(kind):
        return "dates"
    if pa.types.is_timestamp(kind):
        return "dates with times"
    if pa.types.is_time(kind):
        return "times of day"
    is_plain = pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return "" if is_plain or pa.types.is_null(kind) else str(kind)


def first_text(cells: Sequence[str | None], start: int = 0) -> str:
    """Say which of the cells of a column that should hold numbers is the first that holds none, and what to do.

    `start` is the number of the first row; missing cells are no texts. Raises `StopIteration` if there is none.
    """
    row, text = next((row, text) for row, text in enumerate(cells) if text and _is_odd(text))
    mend = how_to_write(text, filter(None, cells)) if is_written_number(text) else "write a number, or empty that cell"
    return f"row {start + row} is '{text:.40}'; {mend}"


def _is_odd(text: str) -> bool:
    """Whether a cell keeps its column from being one of numbers."""
    return not is_number(text) and text not in MISSING_WORDS


def _refuse_numbers(texts: Counter[str], cells: list[str | None], name: str, source: str) -> None:
    """Raise `UserError` for text that is numbers but for a few cells, or numbers as people write them."""
    texts = Counter({text: count for text, count in texts.items() if text not in MISSING_WORDS})
    odd = set(filter(_is_odd, texts))
    total, numbers = texts.total(), sum(texts[text] for text in texts if text not in odd or is_written_number(text))
    if odd and numbers >= 0.9 * total:
        row, text = next((row, text) for row, text in enumerate(cells) if text in odd)
        mend = how_to_write(text, texts) if is_written_number(text) else "empty that cell"
        raise UserError(
            f"{source}: column {name}: {numbers} of {total} values are numbers, row {row} is '{text}'; "
            f"{mend}, or leave the column out with data.drop=[{name}]"
        )
