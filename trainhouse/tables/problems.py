"""All that is wrong with a table in one message: whoever mends a file wants to do it once."""

from trainhouse.configuration.errors import MistakesError, UserError
from trainhouse.configuration.printable import printable

_SHOWN = 10


class Problems:
    """Collects what is wrong, a line each; of a column with many such cells the first comes first."""

    def __init__(self, source: str) -> None:
        """`source` names the key and the file."""
        self.source = source
        self._first: dict[str, str] = {}
        self._more: list[str] = []
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
        lines = [*self._first.values(), *self._more][:_SHOWN]
        if self._count == 1:
            raise UserError(f"{self.source}: {lines[0]}")
        more = self._count - len(lines)
        rest = [f"and {more:,} more"] if more else []
        lines = [f"{self.source}: {self._count:,} problems:", *lines, *rest]
        raise MistakesError("\n  ".join(map(printable, lines)))
