"""Rows of values as text in aligned columns."""

from collections.abc import Sequence

from trainhouse.configuration.printable import printable
from trainhouse.reports.numbers import shown


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a header and rows as lines; numbers have the digits that they need and stand to the right."""
    cells = [[_shown(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    numeric = [all(isinstance(row[column], (int, float)) for row in rows) for column in range(len(header))]
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in cells
    ]
    return "\n".join(lines)


def _shown(cell: object) -> str:
    return shown(cell) if isinstance(cell, float) else printable(cell)
