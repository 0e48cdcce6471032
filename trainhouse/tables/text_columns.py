"""The categories of a table's columns of text; and columns that are neither categories nor numbers, refused by name."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from trainhouse.arrays.texts import is_number, same_answers, spellings, without_marks
from trainhouse.arrays.written_numbers import how_to_write, is_written_number
from trainhouse.tables.kinds import NOTHING, Kinds, typed_drop, typed_list, typed_words
from trainhouse.tables.missing_words import USUAL
from trainhouse.tables.problems import Problems

_SHOWN = 3
_WITH_UNIT = re.compile(r"[+-]?\d+(?:[.,]\d+)?\s?([^\W\d_]{1,8}|[°µ][A-Za-z]?)", re.ASCII)
_MONTH = "(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
# Texts with an order that they lose as categories, and whether they are dates in a format of Python's.
_ORDERED = [
    ("months", re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII), "%Y-%m"),
    ("months", re.compile(rf"{_MONTH}-\d{{2}}", re.ASCII), "%b-%y"),
    ("months", re.compile(rf"{_MONTH} \d{{4}}", re.ASCII), "%b %Y"),
    ("quarters", re.compile(r"\d{4}[-_ ]?[Qq][1-4]|[Qq][1-4][-/_ ]?\d{4}", re.ASCII), ""),
    (
        "durations",
        re.compile(r"(\d+ ?(days?|hours?|hrs?|min(ute)?s?|sec(ond)?s?|[dhms])[, ]*){2,}|PT?(\d+[DHMS]T?)+"),
        "",
    ),
    ("fractions", re.compile(r"\d+/\d+", re.ASCII), ""),
]
_NUMBER = r"[-+~<>=≤≥$€£¥ ]*(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)"
# No 12A, as houses and seats have.
_UNIT = r" ?[+%]? ?([A-Za-z]{1,8}/[A-Za-z]{1,8}|[A-Za-z]{2,8}|[kKMmghsdlVW€$£¥]|[°µ][A-Za-z]?)?[+%]?"
# A number and all that follows one where it is an amount: a unit, + or %, a range; or feet and inches.
_AMOUNT = re.compile(
    rf"\s*{_NUMBER}(?:{_UNIT}(?:\s*(?:-|\u2013|to)\s*{_NUMBER}{_UNIT})?|'\s*(?:\d+)?(?:\"|'')?)\s*", re.ASCII
)
_UNITS = 1 / 3  # different ones for each text, at most: more are names, as of streets
_MOST, _MANY = 0.9, 10  # texts that begin with numbers: fewer are as good as categories
_SIZES = {*"kKmMbB", "bn", "mn"}  # as 1.5K, 2M
_SPACED = re.compile(r"\s*[+-]?[1-9]\d{0,2}( \d{3})+\s*", re.ASCII)


def find_categories(
    table: pa.Table, columns: list[str], problems: Problems, kinds: Kinds = NOTHING, dropped: Sequence[str] = ()
) -> dict[str, tuple[str, ...]]:
    """The sorted texts of each column that is not numeric; columns of other kinds are `problems`.

    What `kinds` says to be categories are some, whatever they hold; `dropped` are those that are left out already.
    """
    found, no_categories = dict[str, tuple[str, ...]](), dict[str, int]()
    for name in columns:
        kind = table.column(name).type
        if pa.types.is_string(kind):
            cells = table.column(name)
            texts = Counter(
                {one["values"]: one["counts"] for one in pc.value_counts(cells).to_pylist() if one["values"]}
            )
            if name not in kinds.of:
                if line := _not_numbers_line(texts, cells, name, kinds):
                    problems.add(line, name)
                elif len(texts) > _MANY and all(map(is_number, texts)) and len(texts) > table.num_rows // 2:
                    problems.add(f"{_of_numbers(name, len(texts), kinds)} has texts", name)
                elif len(texts) > (table.num_rows // 2 if len(texts) > 100 else max(10, 0.9 * table.num_rows)):
                    no_categories[name] = len(texts)
            found[name] = tuple(sorted(texts))
        elif holds := not_numbers(kind):
            problems.add(f"column {name} holds {holds}; leave it out with {typed_drop([*dropped, name])}", name)
    if no_categories:
        amounts = [name for name in no_categories if len(_amounts(found[name])) > _MOST * len(found[name])]
        problems.add(_free_text_line(no_categories, table.num_rows, kinds, dropped, amounts), "")
    return found


def _free_text_line(
    columns: dict[str, int], rows: int, kinds: Kinds, dropped: Sequence[str], amounts: Sequence[str]
) -> str:
    """Name all columns in which nearly every text is another one, with what leaves them out.

    Texts in `amounts` may be some.
    """
    way = typed_drop([*dropped, *columns])
    names = [name for name, count in columns.items() if count == rows]
    ids = f"{typed_list('data.id_columns', names)} carries {'it' if len(names) == 1 else 'them'} into predictions"
    if len(columns) == 1:
        ((name, count),) = columns.items()
        number = "write plain numbers if it has amounts, " * bool(amounts)
        return (
            f"column {name or repr(name)} has {count} different texts in {rows} rows, which is no category; {number}"
            f"leave it out with {way}{f' ({ids})' * bool(names)}, or have one with {kinds.typed(name, 'category')}"
        )
    listed = ", ".join(f"{name} {count}" for name, count in columns.items())
    return (
        f"{len(columns)} columns have too many different texts in {rows} rows to be categories ({listed}); "
        f"{f'{ids}; ' * bool(names)}leave them out with {way}"
    )


def spelling_lines(categories: Mapping[str, Sequence[str]], what: str = "categories") -> list[str]:
    """Return a line for each column with texts that differ in case or spaces only: it is for the user to mend them.

    `what` is what they are.
    """
    lines = []
    for name, texts in categories.items():
        by_case = spellings(texts)
        if found := by_case or spellings(texts, without_marks):
            some = ", ".join(" and ".join(map(repr, same)) for same in found[:_SHOWN])
            more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            how = "case or spaces" if by_case else "points or quotes around them"
            lines.append(
                f"column {name}: {some}{more} differ in {how} only, but are {what} of their own; write them in one way "
                "if they mean the same"
            )
        elif same := same_answers(texts):
            some = ", ".join(" and ".join(map(repr, group)) for group in same)
            lines.append(
                f"column {name}: {some} may say the same, but are {what} of their own; write them in one way if they do"
            )
    return lines


def order_lines(categories: Mapping[str, Sequence[str]], kinds: Kinds) -> list[str]:
    """Return a line for each column of texts that are numbers with the same unit, or without: categories have no order.

    Of those that `kinds` says to be something there is none.
    """
    columns = {name: texts for name, texts in categories.items() if name not in kinds.of}
    return [line for name, texts in columns.items() if (line := _order_line(name, texts, kinds))]


def _order_line(name: str, texts: Sequence[str], kinds: Kinds) -> str:
    """Return what to do about texts that have an order, which categories haven't; "" of others."""
    category, way = kinds.typed(name, "category"), "write plain numbers"
    if texts and all(map(is_number, texts)):
        return f"{_of_numbers(name, len(texts), kinds)} is without this line"
    if unit := unit_of(texts):
        what = f"each of its {len(texts)} texts is a number of '{unit}'"
    elif found := next((one for one in _ORDERED if len(texts) > 2 and all(map(one[1].fullmatch, texts))), None):
        what = f"its {len(texts)} texts are {found[0]} ('{texts[0]}')"
        way = f"{kinds.typed(name, 'date', found[2])} has dates" if found[2] else way
    elif len(begin := _amounts(texts)) > max(_MANY, _MOST * len(texts)):
        shown = ", ".join(f"'{text:.40}'" for text in sorted(begin, key=is_number)[:2])
        what = f"{len(begin)} of its {len(texts)} texts begin with a number ({shown})"
    else:
        return ""
    return f"column {name}: {what}, but texts have no order; {way}, or set {category}"


def _amounts(texts: Sequence[str]) -> list[str]:
    """Those of the texts that are numbers with no more than a unit or a range; none if the units are many."""
    found = [match for text in texts if (match := _AMOUNT.fullmatch(text))]
    units = {unit for match in found for unit in match.groups() if unit}
    return [match[0] for match in found] if len(units) <= _UNITS * len(texts) else []


def _of_numbers(name: str, count: int, kinds: Kinds) -> str:
    ways = f"{kinds.typed(name, 'number')} has numbers, {kinds.typed(name, 'category')}"
    return f"column {name}: its {count} texts are numbers, some of them written as texts; {ways}"


def unit_of(texts: Sequence[str]) -> str:
    """Return the unit of texts that all are numbers with the same one, or with one of size as 1.5K; "" of others."""
    units = {found[1] if (found := _WITH_UNIT.fullmatch(text.strip())) else "" for text in texts}
    has_one = len(texts) > 2 and "" not in units and (len(units) == 1 or units <= _SIZES)
    return " or ".join(sorted(units)) if has_one else ""


def not_numbers(kind: pa.DataType) -> str:
    """Return in plain words what a column holds that is neither numbers nor text; nothing for those."""
    if pa.types.is_date(kind):
        return "dates"
    if pa.types.is_timestamp(kind):
        return "dates with times"
    if pa.types.is_time(kind):
        return "times of day"
    if kind == pa.large_binary():  # of JSON lines
        return "lists or objects"
    is_plain = pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return "" if is_plain or pa.types.is_null(kind) else str(kind)


def first_text(cells: Sequence[str | None], start: int = 0) -> str:
    """Say which of the cells of a column that should hold numbers is the first that holds none, and what to do.

    `start` is the number of the first row; missing cells are no texts. Raises `StopIteration` if there is none.
    """
    row, text = next((row, text) for row, text in enumerate(cells) if text and _is_odd(text))
    mend = how_to_write(text, filter(None, cells)) if is_written_number(text) else "write a number, or empty that cell"
    return f"row {start + row} is '{text:.40}'; {mend}"


def _mend(text: str) -> str:
    return "write a number, or empty that cell" if re.search(r"\d", text) else "empty that cell"


def _is_odd(text: str) -> bool:
    """Whether a cell keeps its column from being one of numbers."""
    return not is_number(text) and text not in USUAL


def _not_numbers_line(texts: Counter[str], cells: pa.ChunkedArray, name: str, kinds: Kinds) -> str:
    """What to do about text that is numbers but for a few cells, or numbers as people write them; "" of other text."""
    texts = Counter({text: count for text, count in texts.items() if text not in USUAL})
    if texts and all(is_number(text) or _SPACED.fullmatch(text) for text in texts):
        spaced = next((text for text in texts if _SPACED.fullmatch(text)), None)
        if spaced is not None:
            return (
                f"column {name}: '{spaced}' may be {spaced.strip().replace(' ', '')} (set \"data.thousands=' '\") or a "
                f"text (set {kinds.typed(name, 'category')})"
            )
    odd = set(filter(_is_odd, texts))
    total, numbers = texts.total(), sum(texts[text] for text in texts if text not in odd or is_written_number(text))
    if not odd:
        return ""
    text = next(text for text in texts if text in odd)  # they stand in the order of their first rows
    row = pc.index(cells, text).as_py()
    category = kinds.typed(name, "category")
    words = typed_words([text])
    are_codes = any(re.match(r"0\d", one) for one in texts)  # as 007: with A1 among them
    are_words = not any(is_written_number(one) for one in odd) and (
        (len(odd) == 1 and texts[text] > 1) or not any(re.search(r"\d", one) for one in odd)
    )
    if are_words and len(odd) <= _MANY and not are_codes and total / 2 <= numbers < 0.9 * total:
        found = [one for one in texts if one in odd]
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        listed = ", ".join(f"'{one:.40}'" for one in found[:_SHOWN])
        return (
            f"column {name}: {numbers} of {total} values are numbers, the other {total - numbers} are {listed}{more}: "
            f"missing ones? set {typed_words(found)}; or categories? set {category}"
        )
    if numbers >= 0.9 * total:
        mend = how_to_write(text, texts) if is_written_number(text) else f"{_mend(text)}, or set {words}"
        mend += f", or {category} has texts" * (not is_written_number(text) or "+" in text)  # 4+ may be 4 and more
        return (
            f"column {name}: {numbers} of {total} values are numbers, row {row} is '{text}'; "
            f"{mend}, or leave the column out with {typed_drop([name])}"
        )
    return ""
