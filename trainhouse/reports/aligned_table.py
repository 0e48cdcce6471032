"""Rows of values as text in aligned columns, for a terminal, a pipe or a file: all tables but those of a help page.

Lines are as long as their values, unless they are to fit: then whole columns are left out, and named. Those of a help
page (launching/layout.py) are wrapped. rich's own table is for the
width of a terminal: without one it cuts or wraps, takes 100 ms to import and 4 s for the 5000 runs of a large folder,
which here are 0.1 s; so it counts the columns only.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from trainhouse.configuration.printable import printable
from trainhouse.machine.numbers import format_number, number
from trainhouse.reports.short_text import short_names, shown_value

_WIDEST = 24  # of a value: more characters than that leave no room for the next


@dataclass(frozen=True)
class Column:
    """A column that may be left out where lines would be too long: of the highest rank first; of rank 0 never."""

    name: str
    cells: Sequence[object]
    rank: float = 0


def fitted_table(columns: Sequence[Column], width: int | None) -> tuple[str, list[str]]:
    """Return `columns` as lines of at most `width` columns of a terminal (None: any), and the names of those left out.

    Lines are longer than that where the columns of rank 0 alone are.
    """
    from rich.cells import cell_len

    widths = [max(cell_len(_shown(cell)) for cell in (one.name, *one.cells)) for one in columns]
    kept: set[int] = set()
    for index in sorted(range(len(columns)), key=lambda index: columns[index].rank):
        line = sum(widths[other] + 2 for other in (*kept, index)) - 2
        if width is None or line <= width or columns[index].rank == 0:
            kept.add(index)
    shown = [one for index, one in enumerate(columns) if index in kept]
    rows = list(zip(*(one.cells for one in shown), strict=True))
    return table([one.name for one in shown], rows), [
        one.name for index, one in enumerate(columns) if index not in kept
    ]


def setting_columns(keys: Sequence[str], rows: Sequence[Mapping[str, str]], last: Collection[str] = ()) -> list[Column]:
    """Return a column for each key, of what the `rows` have for it. Of keys that differ least one is left out first.

    Before those the keys of `last` are, and what some of the rows don't have: that says less.
    """
    names, columns = short_names(keys), []
    for key in keys:
        values = [shown_value(row.get(key, ""), _WIDEST) for row in rows]
        are_numbers = all(number(value) is not None for value in values if value)
        rank = (4 if key in last or "" in values else 3) + 1 / (1 + len(set(values)))
        columns.append(Column(names[key], aligned(values) if are_numbers else values, rank))
    return columns


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a header and rows as lines; numbers have the digits that they need and stand to the right."""
    columns = [
        aligned([_shown(cell) for cell in column], right=all(isinstance(cell, (int, float)) for cell in column[1:]))
        for column in zip(header, *rows, strict=True)
    ]
    return "\n".join("  ".join(cells).rstrip() for cells in zip(*columns, strict=True))


def aligned(cells: Sequence[str], right: bool = True) -> list[str]:
    """Return the cells of a column, all of one width on a terminal, where some characters are two columns wide."""
    from rich.cells import cell_len  # 3 ms, and none of the rest of rich

    widths = [cell_len(cell) for cell in cells]
    widest = max(widths)
    spaces = [" " * (widest - width) for width in widths]
    return [space + cell if right else cell + space for cell, space in zip(cells, spaces, strict=True)]


def _shown(cell: object) -> str:
    return format_number(cell) if isinstance(cell, float) else printable(cell)
