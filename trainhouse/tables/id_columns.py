"""The identifiers of new rows, streamed beside the rows that a model reads."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from trainhouse.configuration.errors import UserError
from trainhouse.tables.one_file import Keys
from trainhouse.tables.source import Table, open_table
from trainhouse.tables.table_files import is_several, kind_of


class IdReader:
    """Hands out the cells of some columns of a table, as they are written, a number of rows at a time."""

    def __init__(self, table: Table, names: Sequence[str]) -> None:
        self.table, self.names = table, list(names)
        self._blocks = self._read()
        self._waiting = pa.table({name: pa.array([], pa.string()) for name in self.names})

    @classmethod
    def of(
        cls, path: Path, names: Sequence[str], keys: Keys | None = None, known: Sequence[str] = ()
    ) -> "IdReader | None":
        """Return a reader of those of the columns that the table at `path` has; None if it has none, or no names."""
        if not (kind_of(path) or is_several(path) or path.is_dir()):
            return None
        try:
            table = open_table(path, "input", keys, known)
        except UserError:  # which whoever reads its rows says
            return None
        there = [name for name in names if table.names.count(name) == 1]
        return cls(table, there) if there else None

    def take(self, rows: int) -> dict[str, list[Any]]:
        """Return the next `rows` cells of each column. Raises `UserError` if there are not so many."""
        while self._waiting.num_rows < rows:
            block = next(self._blocks, None)
            if block is None:
                raise UserError(f"input: {self.table.path} has become shorter while it was read")
            self._waiting = pa.concat_tables([self._waiting, block])
        taken, self._waiting = self._waiting.slice(0, rows), self._waiting.slice(rows)
        return {name: taken.column(name).to_pylist() for name in self.names}

    def _read(self) -> Iterator[pa.Table]:
        types = dict.fromkeys(self.names, pa.string())
        for batch in self.table.batches(self.names, types):
            yield pa.Table.from_batches([batch]).cast(pa.schema(types))
