"""All that is wrong with a table in one message: whoever mends a file wants to do it once."""

import re
from collections import Counter

from trainhouse.configuration.errors import MistakesError, UserError
from trainhouse.configuration.printable import printable

_SHOWN = 10
_ROWS = 5  # that are named of one kind


class Problems:
    """Collects what is wrong, a line each; of a column with many such cells the first comes first."""

    def __init__(self, source: str) -> None:
        """`source` names the key and the file."""
        self.source = source
        self._first: dict[str, str] = {}
        self._more: list[str] = []
        self._rows: dict[str, list[int]] = {}
        self._alike = Counter[str]()
        self._count = 0

    def __bool__(self) -> bool:
        return self._count > 0

    def add(self, line: str, of: str, count: int = 1) -> None:
        """Add a line about a column, or about what else it is `of`; it may stand for several cells or rows."""
        self._count += count
        if of not in self._first:
            self._first[of] = line
        elif len(self._more) < _SHOWN:
            self._more.append(line)

    def add_row(self, row: int, what: str) -> None:
        """Add what is wrong with a whole row, as ``has 3 cells``: rows of the same share a line."""
        self._count += 1
        self._alike[what] += 1
        if self._alike[what] <= _ROWS:
            self._rows.setdefault(what, []).append(row)

    def is_full(self, of: str) -> bool:
        """Whether more of a column need only be counted."""
        return of in self._first and len(self._more) >= _SHOWN

    def count(self, more: int) -> None:
        """Count what is not shown."""
        self._count += more

    def refuse(self) -> None:
        """Raise `UserError` if there is one thing, `MistakesError` with a line each if there are more."""
        if not self._count:
            return
        rows = [(_of_rows(self._rows[what], count, what), count) for what, count in self._alike.items()]
        lines = [*rows, *((line, 1) for line in (*self._first.values(), *self._more))][:_SHOWN]
        if len(lines) == 1 and lines[0][1] == self._count:
            raise UserError(f"{self.source}: {lines[0][0]}")
        more = self._count - sum(count for _, count in lines)
        rest = [f"and {more:,} more"] if more else []
        told = [f"{self.source}: {self._count:,} problems:", *(line for line, _ in lines), *rest]
        raise MistakesError("\n  ".join(map(printable, told)))


def _of_rows(rows: list[int], count: int, what: str) -> str:
    """Say which rows are of one kind: ``rows 1, 2 and 5 more have 3 cells``."""
    if count == 1:
        return f"row {rows[0]} {what}"
    more = count - len(rows)
    *first, last = [*map(str, rows), *[f"{more:,} more"] * (more > 0)]
    return f"rows {', '.join(first)} and {last} {re.sub('^has ', 'have ', what)}"
