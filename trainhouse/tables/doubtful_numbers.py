"""Whole numbers that may mean something else than an amount: 20240131 a day, -999 a missing cell, 4711 a name."""

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainhouse.tables.kinds import Kinds, typed_list
from trainhouse.tables.stored_cells import Cells

# Days, months and times by how they are written, with the first and the last of them.
_DATES = {
    "%Y%m%d": ("days", 19000101, 21001231),
    "%Y%m": ("months", 190001, 210012),
    "%Y%m%d%H%M%S": ("times", 19000101000000, 21001231235959),
}
_LEAST_DATES = 10  # fewer numbers may be dates by chance
_SENTINELS = (0, *(sign * (10**digits - 1) for digits in range(2, 7) for sign in (-1, 1)))
_FAR_DAYS = ("0001-01-01", "1899-12-30", "1900-01-01", "1970-01-01", "2099-12-31", "2999-12-31", "9999-12-31")
_LOOK = 1024  # rows
_LEAST_ROWS = 2
_LEAST_OTHERS, _LEAST_ABOVE = 3, 10
_SPIKE = 3  # times as many rows as those of a number near it
# By the last word of a column's name: shop_id, userId, Zip, homePostalCode; not paid, gzip or words_per_post.
_OF_NAMES = re.compile(
    r"(.*([^A-Za-z]|(?<=[a-z])(?=[A-Z])))?(id|Id|ID|(?i:zip|postal|(zip|post(al)?)[ _-]?code))", re.ASCII
)
_WHOLE = 2**53


def doubtful_number_lines(table: Cells, columns: Sequence[str], targets: Sequence[str], kinds: Kinds) -> list[str]:
    """Return a line for each of the `columns`, and each of the `targets`, whose numbers may not be amounts.

    Of columns that `kinds` says to be something there is none, and `targets` are those whose task isn't set.
    """
    lines = []
    for name in (*columns, *targets):
        column, is_feature = table.column(name), name in columns
        if name in kinds.of:
            continue
        if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
            lines += _far_day_lines(column, name) if is_feature else []
            continue
        if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            continue
        ends = [end for end in pc.min_max(column).as_py().values() if end is not None and end == end]
        if not ends:
            continue
        keeps = f"{kinds.typed(name, 'number') if is_feature else 'data.task'} keeps them, without this line"
        if is_feature and pa.types.is_integer(column.type):
            lines += _date_lines(column, name, ends, kinds) or _name_lines(column, name, ends, kinds)
        for end in dict.fromkeys(ends):
            is_low = end == -1 and _is_alone_below(column)
            if is_low or (end in _SENTINELS and _is_far(column, end)):
                why = "the only ones below 0" if is_low else "far from all others"
                way = f"'data.na_values=[{end:.0f}]' empties them, in every column"
                way = "empty these cells" if end in (0, -1) else way  # other columns have such numbers
                lines.append(
                    f"column {name}: {pc.sum(pc.equal(column, end)).as_py()} rows have {end:.0f}, {why}: missing? {way}"
                    f"; {keeps}"
                )
    return lines


def _date_lines(column: pa.ChunkedArray, name: str, ends: Sequence[int], kinds: Kinds) -> list[str]:
    for written, (what, first, last) in _DATES.items():
        if ends[0] >= first and ends[1] <= last and _are_dates(column, written):
            ways = kinds.typed(name, "date", written), kinds.typed(name, "number")
            return [
                f"column {name}: its numbers are {what} ({ends[0]} to {ends[1]}), but read as amounts; {ways[0]} has "
                f"dates, {ways[1]} is without this line"
            ]
    return []


def _are_dates(column: pa.ChunkedArray, written: str) -> bool:
    numbers: np.ndarray = pc.unique(column).drop_null().to_numpy()
    if written == "%Y%m%d%H%M%S":
        numbers = numbers // 10**6
    months, days = (numbers % 100, 1) if written == "%Y%m" else (numbers // 100 % 100, numbers % 100)
    is_one = (months >= 1) & (months <= 12) & (days >= 1) & (days <= 31)
    return len(numbers) >= _LEAST_DATES and bool(is_one.all())


def _name_lines(column: pa.ChunkedArray, name: str, ends: Sequence[int], kinds: Kinds) -> list[str]:
    """Return a line if the numbers are names by that of their column, or as none but a name has so many digits."""
    is_called_so = _OF_NAMES.fullmatch(name) is not None
    if not is_called_so and max(map(abs, ends)) <= _WHOLE:
        return []
    count, number = pc.count_distinct(column).as_py(), kinds.typed(name, "number")
    if count == len(column):
        way = f"{typed_list('data.id_columns', [name])} leaves them out and carries them into predictions"
        return [
            f"column {name}: each row has another whole number, read as an amount; an id? {way}, {number} keeps them"
        ]
    ways = f"{kinds.typed(name, 'category')} has categories, {number} is without this line"
    return [f"column {name}: its {count} whole numbers are read as amounts; if they are names, {ways}"] * is_called_so


def _far_day_lines(column: pa.ChunkedArray, name: str) -> list[str]:
    """Return a line for a day that stands for none: in several rows, and far from all others."""
    times = column.cast(pa.timestamp("us")).cast(pa.int64())
    lines = []
    for end in dict.fromkeys(pc.min_max(times).as_py().values()):
        day = "" if end is None else str(np.datetime64(end, "us"))[:10]
        if day in _FAR_DAYS and _is_far(times, end):
            count = pc.sum(pc.equal(times, end)).as_py()
            lines.append(
                f"column {name}: {count} rows have {day}, far from all others: missing? 'data.na_values=[\"{day}\"]' "
                "empties them in files of text"
            )
    return lines


def _is_alone_below(column: pa.ChunkedArray) -> bool:
    """Whether -1 is the only number below 0, in several rows, among many others that are above it.

    It is in many more rows than each number up to 1; others go on below 0, as temperatures in degrees.
    """
    below = pc.sum(pc.less(column, 0)).as_py()
    if not (
        below == pc.sum(pc.equal(column, -1)).as_py() >= _LEAST_ROWS
        and 2 * below < len(column)
        and pc.count_distinct(column).as_py() > _LEAST_ABOVE
    ):
        return False
    near = column.filter(pc.and_(pc.greater_equal(column, 0), pc.less_equal(column, 1)))
    return bool(below >= _SPIKE * (pc.max(pc.value_counts(near).field("counts")).as_py() or 0))


def _is_far(column: pa.ChunkedArray, end: float) -> bool:
    """Whether several rows have that number, and it is further from all others than these are from one another.

    A 0 is in fewer than half of the rows, beside many other numbers: with few of them it is a design's, as of doses.
    Of most columns the first rows say that it isn't.
    """
    for some in (column.slice(0, _LOOK), column):
        others = some.filter(pc.not_equal(some, end)).drop_null()
        low, high = pc.min_max(others).as_py().values()
        if low is not None and min(abs(end - low), abs(end - high)) <= high - low:
            return False
    count = len(column) - column.null_count - len(others)
    least, is_rare = (_LEAST_ABOVE, 2 * count < len(column)) if end == 0 else (_LEAST_OTHERS, True)
    return bool(count >= _LEAST_ROWS and is_rare and pc.count_distinct(others).as_py() >= least)
