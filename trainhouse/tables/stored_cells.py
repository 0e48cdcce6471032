"""The cells of a whole table, in memory if they are few, else in a mapped file: memory doesn't grow with their number.

A text file is parsed once. Whatever is to be known of its columns, and the rows themselves, are read from here.
"""

import mmap
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp
from typing import IO

import pyarrow as pa

from trainhouse.machine.files import PARTIAL_SUFFIX, prefix_of_this_process, remove_partial_files
from trainhouse.tables.source import RetypedError, Table

_IN_MEMORY = 2**26  # bytes
_ROWS = 2**16  # of a block


class Cells:
    """A table as `pyarrow.Table` is one, as far as it is needed; pages of a mapped file are let go of on the way."""

    def __init__(self, table: pa.Table, mapped: mmap.mmap | None = None) -> None:
        """The buffers of `table` may be in a `mapped` file."""
        self._table, self._mapped, self._instead = table, mapped, dict[str, pa.ChunkedArray]()
        self._seen = 0
        self.column_names: list[str] = table.column_names
        self.num_rows: int = table.num_rows

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return self._table.schema

    def column(self, name: str) -> pa.ChunkedArray:
        """Return a column."""
        self._let_go(self.num_rows)
        return self._instead.get(name, self._table.column(name))

    def set_column(self, place: int, name: str, column: pa.ChunkedArray) -> "Cells":
        """Return it with another column in place of one."""
        assert self.column_names[place] == name
        if column is not self._table.column(name):
            self._instead[name] = column
        return self

    def blocks(self, columns: Sequence[str], multiple_of: int) -> Iterator[tuple[int, pa.Table]]:
        """Yield the number of the first row, and the cells, of stretches of rows; their length is a multiple."""
        chosen = [self._instead[name] if name in self._instead else self._table.column(name) for name in columns]
        table = pa.Table.from_arrays(chosen, names=list(columns))
        rows = max(1, _ROWS // multiple_of) * multiple_of
        for start in range(0, self.num_rows, rows):
            yield start, table.slice(start, rows)
            self._let_go(rows * len(columns))

    def _let_go(self, rows: int) -> None:
        """Give pages that were read back to the system now and then; it has them cached as long as there is room."""
        self._seen += 8 * rows
        if self._mapped is not None and self._seen > _IN_MEMORY and hasattr(self._mapped, "madvise"):
            self._mapped.madvise(mmap.MADV_DONTNEED)
            self._seen = 0


@contextmanager
def stored_cells(table: Table, types: Mapping[str, pa.DataType], folder: Path) -> Iterator[Cells]:
    """Read a whole table, many cells into a file in `folder` that is gone behind the block.

    Raises what `Table.batches` raises, and `OSError` if the file can't be written.
    """
    store = _Store(folder)
    try:
        try:
            store.fill(table, types)
        except RetypedError:
            store.fill(table, types)
        yield store.cells(table)
    finally:
        store.close()


class _Store:
    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, Path()
        self._few: list[pa.RecordBatch] = []
        self._file: IO[bytes] | None = None

    def fill(self, table: Table, types: Mapping[str, pa.DataType]) -> None:
        self.close()
        writer, size = None, 0
        for batch in table.batches(table.names, types):
            size += batch.nbytes
            if writer is None:
                self._few.append(batch)
                if size < _IN_MEMORY:
                    continue
                writer = pa.ipc.new_file(pa.PythonFile(self._opened(), "w"), batch.schema)
                for one in self._few:
                    writer.write_batch(one)
                self._few.clear()
            else:
                writer.write_batch(batch)
        if writer is not None:
            writer.close()

    def _opened(self) -> IO[bytes]:
        self._folder.mkdir(parents=True, exist_ok=True)
        remove_partial_files(self._folder, older_than=24 * 3600.0)
        handle, name = mkstemp(dir=self._folder, prefix=prefix_of_this_process(), suffix=PARTIAL_SUFFIX)
        self._path, self._file = Path(name), os.fdopen(handle, "wb+")
        return self._file

    def cells(self, table: Table) -> Cells:
        if self._file is None:
            empty = pa.table({name: pa.nulls(0) for name in table.names})
            return Cells(pa.Table.from_batches(self._few) if self._few else empty)
        self._file.flush()
        mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        return Cells(pa.ipc.open_file(pa.BufferReader(pa.py_buffer(mapped))).read_all(), mapped)

    def close(self) -> None:
        self._few.clear()
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)
            self._file = None
