"""A table's columns as a user says that they are, and without the words that stand for missing cells."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from trainhouse.configuration.errors import UserError
from trainhouse.tables.kinds import Kinds
from trainhouse.tables.missing_words import Words, counted, said, without
from trainhouse.tables.text_columns import first_text


def as_said(
    table: pa.Table, columns: Sequence[str], kinds: Kinds, words: Words, source: str
) -> tuple[pa.Table, list[str]]:
    """Return the table with missing cells null in its feature `columns`, and those that are said to be numbers numbers.

    With it comes a line for each column of text with cells that are missing by their spelling. Raises `UserError` for a
    cell that is no number where one should be.
    """
    lines = []
    for name in columns:
        column, kind = table.column(name), kinds.of.get(name)
        if kind == "number":
            new = _numbers(without(column, words.in_numbers), f"{source}: column {name}")
        elif kind == "date" or not pa.types.is_string(column.type):
            new = without(column, words.in_numbers)
        else:
            new = without(column, words.in_texts)
            if counts := counted(column, words.in_texts):
                lines.append(said(name, counts))
        table = table.set_column(table.column_names.index(name), name, new)
    return table, lines


def _numbers(column: pa.ChunkedArray, source: str) -> pa.ChunkedArray:
    """Return a column of text as whole numbers where all are, else as numbers with fractions."""
    if not pa.types.is_string(column.type):
        return column
    texts = pc.utf8_trim_whitespace(column)
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    for kind in (pa.int64(), pa.float64()):
        try:
            return texts.cast(kind)
        except pa.ArrowInvalid:
            continue
    raise UserError(f"{source}: {first_text(texts.to_pylist())}")
