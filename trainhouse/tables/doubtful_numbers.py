"""Whole numbers that may mean something else than an amount: 20240131 a day, -999 a missing cell."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainhouse.tables.kinds import Kinds
from trainhouse.tables.stored_cells import Cells

_FIRST, _LAST = 19000101, 21001231
_LEAST_DAYS = 10  # fewer numbers may be days by chance
_SENTINELS = tuple(sign * (10**digits - 1) for digits in range(2, 7) for sign in (-1, 1))
_LOOK = 1024  # rows
_LEAST_ROWS = 2
_LEAST_OTHERS = 3


def doubtful_number_lines(table: Cells, columns: Sequence[str], targets: Sequence[str], kinds: Kinds) -> list[str]:
    """Return a line for each of the `columns`, and each of the `targets`, whose numbers may be days or missing cells.

    Of columns that `kinds` says to be something there is none.
    """
    lines = []
    for name in (*columns, *targets):
        column = table.column(name)
        if name in kinds.of or not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            continue
        ends = [end for end in pc.min_max(column).as_py().values() if end is not None and end == end]
        if not ends:
            continue
        if name in columns and ends[0] >= _FIRST and ends[1] <= _LAST and _are_days(column):
            ways = kinds.typed(name, "date", "%Y%m%d"), kinds.typed(name, "number")
            lines.append(
                f"column {name}: its numbers are days ({ends[0]} to {ends[1]}), but read as amounts; {ways[0]} has "
                f"dates, {ways[1]} is without this line"
            )
        for end in ends:
            if end in _SENTINELS and _is_far(column, end):
                keeps = f"; {kinds.typed(name, 'number')} keeps them, without this line" if name in columns else ""
                lines.append(
                    f"column {name}: {pc.sum(pc.equal(column, end)).as_py()} rows have {end:.0f}, far from all others: "
                    f"missing? 'data.na_values=[{end:.0f}]' empties them, in every column{keeps}"
                )
    return lines


def _are_days(column: pa.ChunkedArray) -> bool:
    if not pa.types.is_integer(column.type):
        return False
    numbers: np.ndarray = pc.unique(column).drop_null().to_numpy()
    months, days = numbers // 100 % 100, numbers % 100
    return len(numbers) >= _LEAST_DAYS and bool(((months >= 1) & (months <= 12) & (days >= 1) & (days <= 31)).all())


def _is_far(column: pa.ChunkedArray, end: float) -> bool:
    """Whether several rows have that number, and it is further from all others than these are from one another.

    Of most columns the first rows say that it isn't.
    """
    for some in (column.slice(0, _LOOK), column):
        others = some.filter(pc.not_equal(some, end)).drop_null()
        low, high = pc.min_max(others).as_py().values()
        if low is not None and min(abs(end - low), abs(end - high)) <= high - low:
            return False
    count = len(column) - column.null_count - len(others)
    return bool(count >= _LEAST_ROWS and pc.count_distinct(others).as_py() >= _LEAST_OTHERS)
