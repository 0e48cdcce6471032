"""Text that holds a table in another layout than separated cells: aligned by spaces, drawn with lines, HTML, JSON."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from trainhouse.arrays.texts import is_number
from trainhouse.configuration.errors import UserError
from trainhouse.tables.text_stream import in_shell

_LOOK = 50  # lines
_OF_RULES = frozenset("-=:+| \t")
_TO_TABS = "awk -v OFS='\\t' '{$1=$1; print}'"
# What a first line says, and what to do.
_OTHERS = {
    r"\s*<(!doctype|html|head|body|table|\?xml)\b": "HTML or XML, no table of text; open it in a spreadsheet, and "
    "save it as CSV",
    r'\s*(\[\s*)?\{\s*("|$)': "JSON; write an object in each line, and call it .jsonl",
    r"\s*@relation\b|%.*\n(%.*\n)*\s*@relation\b": "ARFF, of Weka; replace its lines up to @data by a line of names",
    r"\S+( \d+:\S+)+\s*\n\S+ \d+:\S+": "sparse, as LibSVM writes it; write a column for each number",
    r"\s*(create table|insert into|drop table)\b": "SQL; run it in a database, and export the table as CSV",
}


def refuse_other_layout(
    lines: Sequence[str], separators: Collection[str], path: Path, source: str, known: Collection[str]
) -> None:
    """Raise `UserError` that says what the first `lines` of the file `path` are, if not cells between the `separators`.

    A header that is one of the `known` names of columns is a column of its own, whatever is in it.
    """
    lines = [line for line in lines[:_LOOK] if line.strip()]
    if not lines or lines[0].strip() in known:
        return
    for first, what in _OTHERS.items():
        if re.match(first, "\n".join(lines), re.IGNORECASE):
            raise UserError(f"{source} is {what}")
    if any("|" in line or "+" in line for line in lines[:2]) and any(map(_is_rule, lines[:2])):
        way = in_shell(path, "sed '/[[:alnum:]]/!d; s/^ *| *//; s/ *| *$//; s/ *| */,/g'") + " > table.csv"
        raise UserError(f"{source} is drawn with lines, as tables in Markdown are; save it as CSV: {way}")
    if (
        not any(separator in lines[0] for separator in separators if separator != " ")
        and len(lines) > 2
        and _are_aligned(lines)
    ):
        is_single = not any("  " in line.strip() for line in lines)
        way = "set data.separator=' '"
        if not is_single:
            way = f"put tabs between them: {in_shell(path, _TO_TABS)} > table.tsv"
        raise UserError(f"{source}: its columns are separated by spaces ('{lines[0].strip():.40}'); {way}")


def _is_rule(line: str) -> bool:
    """Whether a line draws one: ---+---, |--|--|; not --|--, where two cells are missing."""
    line = line.strip()
    has_bars = line[:1] in ("|", "+") and line[-1:] in ("|", "+")
    return {*line} <= _OF_RULES and ("---" in line or (has_bars and "--" in line))


def _are_aligned(lines: Sequence[str]) -> bool:
    """Whether spaces cut all lines into as many cells as the first, or one more for row names, and some are numbers."""
    header, *rows = [line.split() for line in lines]
    if len(header) < 2 or len({len(row) for row in rows}) > 1:
        return False
    return len(rows[0]) in (len(header), len(header) + 1) and all(any(map(is_number, row)) for row in rows)
