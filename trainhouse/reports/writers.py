"""Writes predictions a batch at a time, as the file's ending says: .csv, .parquet, .npy or .jsonl.

pyarrow is imported by the formats that need it: training imports this file too.
"""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import numpy as np

from trainhouse.configuration.errors import UserError
from trainhouse.machine.files import atomic_write

if TYPE_CHECKING:
    import pyarrow as pa

_log = logging.getLogger(__name__)

Columns = dict[str, np.ndarray]

_DIGITS = 18  # of a whole number that int64 is sure to hold


class Writer(Protocol):
    """Takes columns of equal length, the same ones each time."""

    def write(self, columns: Columns) -> None:
        """Append rows."""

    def close(self) -> None:
        """Write what belongs to the end of the file."""


def class_array(classes: Sequence[str]) -> np.ndarray:
    """Return class names as int64 if they are whole numbers, else as text."""
    numbers = [int(name) for name in classes if name.removeprefix("-").isdecimal() and len(name) <= _DIGITS]
    return np.array(numbers) if [str(number) for number in numbers] == list(classes) else np.array(classes)


class _Csv:
    """Cells are as they are, those too that a spreadsheet takes for formulas, as of a class called ``=1+1``.

    pandas and polars write them so. OWASP would have an apostrophe in front of them, which spreadsheets hide and every
    other reader takes for a part of the name: the rows would no longer join with those that they were predicted from.
    So the file stays true, and whoever opens it is warned.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.writer: Any = None
        self.warned = False

    def _warn_of_formulas(self, columns: Columns, batch: "pa.RecordBatch") -> None:
        import pyarrow as pa
        from pyarrow import compute

        texts = [pa.array(list(columns)), *(column for column in batch.columns if pa.types.is_string(column.type))]
        for column in texts:
            begins = compute.match_substring_regex(column, r"^[=+\-@\t\r]")
            if compute.any(begins).as_py():
                first = column.filter(begins)[0].as_py()
                _log.warning("warning: a spreadsheet may take '%s' for a formula; open the file as text", first)
                self.warned = True
                return

    def write(self, columns: Columns) -> None:
        import pyarrow as pa
        from pyarrow import csv

        batch = pa.RecordBatch.from_pydict(columns)
        if not self.warned:
            self._warn_of_formulas(columns, batch)
        if self.writer is None:
            self.file.write((",".join(map(_quoted, columns)) + "\n").encode())  # pyarrow quotes every name
            options = csv.WriteOptions(include_header=False, quoting_style="needed")
            self.writer = csv.CSVWriter(self.file, batch.schema, write_options=options)
        self.writer.write(batch)

    def close(self) -> None:
        if self.writer:
            self.writer.close()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if set(name) & set(',"\n\r') else name


class _Parquet:
    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.writer: Any = None

    def write(self, columns: Columns) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        batch = pa.RecordBatch.from_pydict(columns)
        self.writer = self.writer or parquet.ParquetWriter(self.file, batch.schema)
        self.writer.write_batch(batch)

    def close(self) -> None:
        if self.writer:
            self.writer.close()


class _JsonLines:
    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def write(self, columns: Columns) -> None:
        names = list(columns)
        rows = zip(*(_json_values(column) for column in columns.values()), strict=True)
        self.file.write("".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows).encode())

    def close(self) -> None:
        pass


def _json_values(column: np.ndarray) -> list[object]:
    # The shortest decimal that reads back as the same float32, not its 17 digits as a double.
    return [float(str(value)) for value in column] if column.dtype == np.float32 else column.tolist()


class _Npy:
    """A structured array, one field per column. Its header is written again at the end, with the row count."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.rows = 0
        self.dtype: np.dtype[Any] | None = None

    def write(self, columns: Columns) -> None:
        if self.dtype is None:
            self.dtype = np.dtype([(name, column.dtype) for name, column in columns.items()])
            self._write_header()
        batch = np.empty(len(next(iter(columns.values()))), dtype=self.dtype)
        for name, column in columns.items():
            batch[name] = column
        self.file.write(batch.tobytes())
        self.rows += len(batch)

    def _write_header(self) -> None:
        assert self.dtype is not None
        header = {"descr": np.lib.format.dtype_to_descr(self.dtype), "fortran_order": False, "shape": (self.rows,)}
        np.lib.format.write_array_header_2_0(self.file, header)  # leaves room for a larger row count

    def close(self) -> None:
        if self.dtype is not None:
            self.file.seek(0)
            self._write_header()


_FORMATS: dict[str, Callable[[BinaryIO], Writer]] = {
    ".csv": _Csv,
    ".parquet": _Parquet,
    ".jsonl": _JsonLines,
    ".npy": _Npy,
}


def check_output(path: Path, *others: str) -> None:
    """Raise `UserError` if predictions can't be written to `path`: before any are made. `others` are endings too."""
    if path.suffix not in (*_FORMATS, *others):
        raise UserError(f"output: expected a name that ends in {', '.join((*_FORMATS, *others))}, got {path}")
    if path.is_dir():
        raise UserError(f"output: {path} is a folder")
    there = next(parent for parent in path.parents if parent.exists())  # the rest is made with it
    if not there.is_dir():
        raise UserError(f"output: {there} is a file, so nothing can be written below it")
    try:
        TemporaryFile(dir=there).close()
    except OSError as error:
        raise UserError(f"output: cannot write to {path.parent}: {error.strerror}") from error


@contextmanager
def open_writer(path: Path) -> Iterator[Writer]:
    """Open a writer; the file appears, whole, when the block ends without an error."""
    with atomic_write(path) as file:
        writer = _FORMATS[path.suffix](file)
        try:
            yield writer
        finally:  # pyarrow's writers would close themselves later, after their file
            writer.close()
