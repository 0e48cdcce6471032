"""The identifiers of new rows, streamed beside the rows that a model reads."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv

from trainhouse.configuration.errors import UserError, first_line

_ENDINGS = (".csv", ".csv.gz")


class IdReader:
    """Hands out the cells of some columns of a table, as they are written, a number of rows at a time."""

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.path, self.names = path, list(names)
        self._blocks = self._read()
        self._waiting = pa.table({name: pa.array([], pa.string()) for name in self.names})

    @classmethod
    def of(cls, path: Path, names: Sequence[str]) -> "IdReader | None":
        """Return a reader of those of the columns that the file at `path` has; None if it has none, or no names."""
        if not path.name.endswith(_ENDINGS) or not path.is_file():
            return None
        try:
            header = csv.open_csv(path).schema.names
        except (pa.ArrowInvalid, OSError, UnicodeDecodeError):  # which whoever reads its rows says
            return None
        there = [name for name in names if header.count(name) == 1]
        return cls(path, there) if there else None

    def take(self, rows: int) -> dict[str, list[Any]]:
        """Return the next `rows` cells of each column. Raises `UserError` if there are not so many."""
        while self._waiting.num_rows < rows:
            block = next(self._blocks, None)
            if block is None:
                raise UserError(f"input: {self.path} has become shorter while it was read")
            self._waiting = pa.concat_tables([self._waiting, block])
        taken, self._waiting = self._waiting.slice(0, rows), self._waiting.slice(rows)
        return {name: taken.column(name).to_pylist() for name in self.names}

    def _read(self) -> Iterator[pa.Table]:
        options = csv.ConvertOptions(column_types=dict.fromkeys(self.names, pa.string()), include_columns=self.names)
        try:
            with csv.open_csv(self.path, convert_options=options) as reader:
                for block in reader:
                    yield pa.Table.from_batches([block])
        except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
            raise UserError(f"input: {self.path}: {first_line(error)}") from error
