"""How dates in a table are written: recognised where they can mean one day only, asked where they could mean two."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from trainhouse.configuration.errors import UserError
from trainhouse.tables.dates import ISO, ISO_UTC, TIME, fits, is_in, own_type, seconds_of
from trainhouse.tables.kinds import Kinds
from trainhouse.tables.problems import Problems

_DAYS = {
    r"\d{4}-\d{1,2}-\d{1,2}": ("%Y-%m-%d",),
    r"\d{4}/\d{1,2}/\d{1,2}": ("%Y/%m/%d",),
    r"\d{4}\.\d{1,2}\.\d{1,2}": ("%Y.%m.%d",),
    r"\d{1,2}/\d{1,2}/\d{4}": ("%d/%m/%Y", "%m/%d/%Y"),
    r"\d{1,2}-\d{1,2}-\d{4}": ("%d-%m-%Y", "%m-%d-%Y"),
    r"\d{1,2}\.\d{1,2}\.\d{4}": ("%d.%m.%Y", "%m.%d.%Y"),
    r"\d{1,2}/\d{1,2}/\d{2}": ("%d/%m/%y", "%m/%d/%y", "%y/%m/%d"),
    r"\d{1,2}-\d{1,2}-\d{2}": ("%d-%m-%y", "%m-%d-%y", "%y-%m-%d"),
    r"\d{1,2}\.\d{1,2}\.\d{2}": ("%d.%m.%y", "%m.%d.%y", "%y.%m.%d"),
    r"\d{1,2} [A-Za-z]{3} \d{4}": ("%d %b %Y",),
    r"\d{1,2}-[A-Za-z]{3}-\d{4}": ("%d-%b-%Y",),
    r"\d{1,2} [A-Za-z]{4,9} \d{4}": ("%d %B %Y",),
    r"[A-Za-z]{3} \d{1,2}, \d{4}": ("%b %d, %Y",),
    r"[A-Za-z]{4,9} \d{1,2}, \d{4}": ("%B %d, %Y",),
}
# Of these only a user says that they are dates: they are numbers too.
_NUMBERS = {r"\d{8}": ("%Y%m%d",), r"\d{4}-\d{2}": ("%Y-%m",), r"\d{4}": ("%Y",)}
_TIMES = {
    "": "",
    r"[ T]\d{1,2}:\d{2}": "%H:%M",
    r"[ T]\d{1,2}:\d{2}:\d{2}": "%H:%M:%S",
    r"[ T]\d{1,2}:\d{2}:\d{2}\.\d{1,6}": "%H:%M:%S.%f",
    r" \d{1,2}:\d{2} [APap][Mm]": "%I:%M %p",
    r" \d{1,2}:\d{2}:\d{2} [APap][Mm]": "%I:%M:%S %p",
}
_LIKE = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d")
_CLOCK = re.compile(r"\d{1,3}:\d{2}(:\d{2})?( ?[AaPp][Mm])?", re.ASCII)
_LOOK = 200
_MOST = 0.9  # of the texts of a column of dates are dates, at least


def find_dates(table: pa.Table, columns: Sequence[str], kinds: Kinds, problems: Problems) -> dict[str, str]:
    """Return how the dates of each column of dates among `columns` are written, "" if they are a problem.

    Missing cells are null. A problem are dates of which the day and the month could be each other, and dates in a way
    that is not recognised by itself.
    """
    found = {}
    for name in columns:
        column, said = table.column(name), kinds.of.get(name)
        try:
            if said == "date":
                found[name] = _said_format(column, name, kinds, problems.source)
            elif said is None:
                is_text = pa.types.is_string(column.type)
                if written := _guessed(column, name, kinds, problems.source) if is_text else own_type(column.type):
                    found[name] = written
        except UserError as error:
            problems.add(str(error).removeprefix(f"{problems.source}: "), name)
            found[name] = ""
    return found


def _candidates(text: str, more: bool = False) -> list[str]:
    """Return the formats that a text looks like; `more` are those of numbers."""
    for pattern, days in (_DAYS | (_NUMBERS if more else {})).items():
        if not (day := re.match(pattern, text)):
            continue
        for behind, time in _TIMES.items():
            if re.fullmatch(pattern + behind, text):
                between = text[day.end()] if time else ""
                return [f"{one}{between}{time}" for one in days]
    return []


def _formats(texts: Sequence[str], more: bool = False) -> list[str]:
    """Return the formats that all the texts have."""
    return [one for one in _candidates(texts[0], more) if all(is_in(text, one) for text in texts)]


def likely_format(text: str) -> str:
    """Return in which format of Python's a text seems to be a date; an example if in none that is known."""
    return next((one for one in _candidates(text) if is_in(text, one)), "%d/%m/%Y")


def _texts(column: pa.ChunkedArray) -> dict[str, int]:
    """Return the different texts of a column with their counts, in the order in which they first come."""
    found = pc.value_counts(pc.utf8_trim_whitespace(column.cast(pa.string()))).to_pylist()
    return {one["values"]: one["counts"] for one in found if one["values"]}


def _said_format(column: pa.ChunkedArray, name: str, kinds: Kinds, source: str) -> str:
    """Return how a column is written of which a user says that it has dates."""
    where = f"{source}: column {name}"
    if given := kinds.formats.get(name):
        seconds_of(column, given, where)
        return given
    if written := own_type(column.type):
        return written
    texts = list(_texts(column))
    if not texts:
        return ISO
    for written in (ISO, ISO_UTC, TIME):
        if all(fits(text, written) for text in texts[:100]):
            seconds_of(column, written, where)
            return written
    found = _formats(texts, more=True)
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(_ambiguous(where, name, texts, found, kinds))
    first = _formats(texts[:1], more=True)
    if first:
        row, text = _first(column, lambda text: not is_in(text, first[0]))
        raise UserError(f"{where}: row {row} is '{text:.40}', not as '{texts[0]:.40}'; write all dates in one way")
    way = kinds.typed(name, "date", "%d/%m/%Y")
    raise UserError(f"{where}: '{texts[0]:.40}' is no date that is recognised; say how it is written, as {way}")


def _guessed(column: pa.ChunkedArray, name: str, kinds: Kinds, source: str) -> str:
    """Return how a column of text is written if it is one of ISO dates; nothing for other texts."""
    counts, where = _texts(column), f"{source}: column {name}"
    texts = list(counts)
    if texts and sum(counts[text] for text in texts if _CLOCK.fullmatch(text)) >= _MOST * sum(counts.values()):
        text = next((text for text in texts if not is_in(text, TIME)), "")
        if not text:
            return TIME
        raise UserError(
            f"{where} looks like times of day or durations ('{text:.40}'); write times as 09:30:00, durations as a "
            f"number of minutes, or set {kinds.typed(name, 'category')}"
        )
    some = {text: bool(_candidates(text) or _LIKE.match(text)) for text in texts[:_LOOK]}
    if sum(counts[text] for text in some if some[text]) * 2 < sum(counts[text] for text in some) or not texts:
        return ""
    if all(fits(text, ISO) for text in texts):
        return ISO
    zoned = next((text for text in some if fits(text, ISO_UTC)), None)
    without = [text for text in some if zoned and fits(text, ISO)]
    if zoned and without:
        raise UserError(
            f"{where}: some times have a zone ('{zoned:.40}'), others have none ('{without[0]:.40}'); write all in one "
            f"way, or set {kinds.typed(name, 'category')}"
        )
    ways = _candidates(next((text for text in some if _candidates(text)), ""))
    ways = [one for one in ways if any(is_in(text, one) for text in some)]
    if not ways:
        first = next(text for text in some if some[text])
        raise UserError(
            f"{where} looks like dates ('{first:.40}'), but in a way that is not recognised; write them as 2024-01-31 "
            f"12:30:00+01:00, or set {kinds.typed(name, 'category')}"
        )
    odd = {text for text in texts if not any(is_in(text, one) for one in ways)}
    total, wrong = sum(counts.values()), sum(counts[text] for text in odd)
    if odd and (len(odd) == 1 or wrong <= (1 - _MOST) * total or any(some.get(text) for text in odd)):
        others = {text for text in odd if any(is_in(text, one) for one in _candidates(text))}
        row, text = _first(column, lambda text: text in (others or odd))
        if others:
            usual = next(one for one in texts if one not in odd)
            raise UserError(
                f"{where}: row {row} is '{text:.40}', not as '{usual:.40}'; write all dates in one way, or set "
                f"{kinds.typed(name, 'category')}"
            )
        raise UserError(
            f"{where}: {total - wrong} of {total} values are dates, row {row} is '{text:.40}'; empty that cell, or set "
            f"'data.na_values=[\"{text:.40}\"]', or {kinds.typed(name, 'category')}"
        )
    found = [] if odd else _formats(texts)
    if len(found) > 1:
        raise UserError(_ambiguous(where, name, texts, found, kinds))
    if found and found[0].startswith("%Y-%m-%d"):
        return found[0]
    if found:
        way, other = kinds.typed(name, "date", found[0]), kinds.typed(name, "category")
        raise UserError(f"{where} looks like dates ('{texts[0]:.40}'): {way} reads them as that, {other} as texts")
    return ""


def _ambiguous(where: str, name: str, texts: Sequence[str], formats: Sequence[str], kinds: Kinds) -> str:
    """Say which days a text may be, one that may be several if there is one."""
    days = {text: [datetime.strptime(text, one) for one in formats] for text in texts[:_LOOK]}
    text = max(days, key=lambda one: len({*days[one]}))
    ways = [f"{day:%Y-%m-%d} ({kinds.typed(name, 'date', one)})" for day, one in zip(days[text], formats, strict=True)]
    return f"{where}: '{text:.40}' may be {', or '.join(ways)}"


def _first(column: pa.ChunkedArray, is_odd: Callable[[str], bool]) -> tuple[int, str]:
    cells = enumerate(column.cast(pa.string()).to_pylist())
    return next((row, text.strip()) for row, text in cells if text and text.strip() and is_odd(text.strip()))
