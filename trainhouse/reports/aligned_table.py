"""Rows of values as text in aligned columns, for a terminal, a pipe or a file: all tables but those of a help page.

Lines are as long as their values; those of a help page (launching/layout.py) are wrapped. rich's own table is for the
width of a terminal: without one it cuts or wraps, takes 100 ms to import and 4 s for the 5000 runs of a large folder,
which here are 0.1 s; so it counts the columns only.
"""

from collections.abc import Sequence

from trainhouse.configuration.printable import printable
from trainhouse.machine.numbers import format_number


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a header and rows as lines; numbers have the digits that they need and stand to the right."""
    columns = [
        aligned([_shown(cell) for cell in column], right=all(isinstance(cell, (int, float)) for cell in column[1:]))
        for column in zip(header, *rows, strict=True)
    ]
    return "\n".join("  ".join(cells).rstrip() for cells in zip(*columns, strict=True))


def table_within(width: int, header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return the same without the last columns, as many as don't fit into `width`; the first three always stand."""
    for count in range(len(header), 3, -1):
        lines = table(header[:count], [row[:count] for row in rows])
        if max(map(len, lines.splitlines())) <= width:
            return lines
    return table(header[:3], [row[:3] for row in rows])


def aligned(cells: Sequence[str], right: bool = True) -> list[str]:
    """Return the cells of a column, all of one width on a terminal, where some characters are two columns wide."""
    from rich.cells import cell_len  # 3 ms, and none of the rest of rich

    widths = [cell_len(cell) for cell in cells]
    spaces = [" " * (max(widths) - width) for width in widths]
    return [space + cell if right else cell + space for cell, space in zip(cells, spaces, strict=True)]


def _shown(cell: object) -> str:
    return format_number(cell) if isinstance(cell, float) else printable(cell)
