"""From files to batches of Arrow columns, whatever the files are: what is above this knows no formats.

table = open_table(Path("raw/part-*.csv"), "data.file")
table.names                                                   the columns
table.batches(["age", "city"], {"city": pa.string()})         record batches of these; age is typed by its content
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import pyarrow as pa

from trainhouse.configuration.errors import UserError, did_you_mean, first_line
from trainhouse.tables.column_kinds import common_kind, missing_cells
from trainhouse.tables.odd_cells import note_odd, note_unread
from trainhouse.tables.one_file import Keys, Source
from trainhouse.tables.problems import Problems
from trainhouse.tables.table_files import DIGITS, content_digest, files_of, kind_of

_CALLED = {"text": "CSV", "parquet": "parquet", "arrow": "Arrow", "json": "JSON lines", "excel": "Excel"}


class RetypedError(Exception):
    """A column turned out to be of another type after a part of it was read: it has to be read again."""


class Table:
    """One file or several, read as one table."""

    def __init__(self, path: Path, key: str, keys: Keys, known: Collection[str]) -> None:
        """Open them. Raises `UserError` for what is no table, or several that have not the same columns."""
        self.path, self.key, self._missing = path, key, missing_cells(keys.missing)
        self.files = files_of(path, key)
        self._sources = [_open_file(file, key, keys, known) for file in self.files]
        if kind_of(self.files[0]) == "json":
            every = dict.fromkeys(name for source in self._sources for name in source.names)
            for source in self._sources:
                for name in every.keys() - {*source.names}:
                    source.add(name)
        self.names = self._sources[0].names
        for source in self._sources[1:]:
            self._refuse_other_columns(source)

    def refuse_changed(self, folder: Path) -> None:
        """Raise `UserError` if the files' content is not, or no longer, the one that `folder` is called by."""
        if not folder.name.startswith(content_digest(self.files)[:DIGITS]):
            raise UserError(f"{self.key}: {self.path} was changed while it was read; run again when it is whole")

    def readings(self) -> list[str]:
        """Say which files were read in another form than the usual one: ``read as: semicolons, decimal comma``."""
        lines = []
        for reading, group in groupby(self._sources, key=lambda source: source.reading()):
            files = list(group)
            if reading:
                of = "" if len(files) == len(self.files) else f"{', '.join(file.path.name for file in files[:3])}: "
                lines.append(f"{of}read as: {reading}")
        return lines

    def marks(self) -> tuple[str, ...]:
        """Return the decimal mark and the separator of thousands of the first file that has others than usual."""
        return next(filter(None, (source.marks() for source in self._sources)), ())

    def codes(self) -> dict[str, str]:
        """Return a cell of each column of whole numbers, some of which have zeros in front, as far as is known."""
        found: dict[str, str] = {}
        for source in self._sources:
            found |= source.codes()
        return found

    def refuse_twice(self, names: Iterable[str]) -> None:
        """Raise `UserError` if there are two columns of one of the names."""
        counts, wanted = Counter(self.names), {*names}
        if twice := [name for name in self.names if counts[name] > 1 and name in wanted]:
            which = f"two columns '{twice[0]}'; rename one, or take it out"
            which = which if twice[0] else "columns without a name; name them, or take them out"
            raise UserError(f"{self.key}: {self.path} has {which}")

    def refuse_doubtful(self, columns: Collection[str]) -> None:
        """Raise `UserError` if numbers in one of the `columns` may mean two things."""
        for source in self._sources:
            if line := source.doubtful(columns):
                raise UserError(f"{self.key}: {source.path}: {line}")

    def refuse_texts(self, numbers: Collection[str], schema: pa.Schema) -> None:
        """Raise `UserError` that names all cells that keep the columns of `numbers` from being numbers."""
        if texts := [name for name in numbers if pa.types.is_string(schema.field(name).type)]:
            self._refuse(texts, dict.fromkeys(texts, pa.float64()), None)

    def kinds(self, whole: bool = True) -> dict[str, pa.DataType]:
        """Return the type of each column, by the content of all files."""
        found = [source.kinds(whole) for source in self._sources]
        return {name: common_kind(kinds[name] for kinds in found) for name in self.names}

    def batches(
        self, columns: Sequence[str] | None = None, types: Mapping[str, pa.DataType] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield record batches of the `columns`, or of all; those without a type have that of their content.

        Raises `UserError` that names all cells that are not of the types asked for, and all rows that are longer or
        shorter than the header; and `RetypedError`, once, if types by content have changed while reading.
        """
        columns, types, done = columns or self.names, types or {}, 0
        by_content = [name for name in columns if name not in types]
        kinds = self.kinds(whole=False) if by_content else {}
        while True:
            start = 0
            try:
                for source in self._sources:
                    for batch in source.batches(columns, {**{name: kinds[name] for name in by_content}, **types}):
                        if start + batch.num_rows > done:
                            yield batch.slice(max(0, done - start))
                            done = start + batch.num_rows
                        start += batch.num_rows
                return
            except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
                stays = self._learn()
                found = self.kinds(whole=False) if by_content else {}
                if stays is None and found == kinds:
                    self._refuse(columns, types, error, kinds)
                if done and not by_content and not stays:
                    raise UserError(
                        f"{self.key}: {self.path}: rows far behind say that its points separate thousands; set "
                        "data.decimal=',' data.thousands='.'"
                    ) from error
                if done and by_content:
                    raise RetypedError from error
                kinds = found

    def _learn(self) -> bool | None:
        """Read the files for how they write numbers: whether what was read before stays; None if there is no news."""
        try:
            news = [one for source in self._sources if (one := source.learn()) is not None]
        except (pa.ArrowException, OSError, UnicodeDecodeError):  # rows that are none
            return None
        return all(news) if news else None

    def _refuse(
        self,
        columns: Sequence[str],
        types: Mapping[str, pa.DataType],
        error: Exception | None,
        kinds: Mapping[str, pa.DataType] | None = None,
    ) -> None:
        """Raise `UserError` with all that is wrong: the files are read again for it."""
        problems = Problems(f"{self.key}: {self.path}")
        numbers = [name for name in columns if name in types and not pa.types.is_string(types[name])]
        every = {**(kinds or {}), **types}
        try:
            for source in self._sources:
                where, start = f"{source.path.name}: " * (len(self.files) > 1), 0
                for batch in source.batches(numbers or columns[:1], _Texts(), problems):
                    for name in numbers:
                        note_odd(problems, batch.column(batch.schema.names.index(name)), name, source, start, where)
                    start += batch.num_rows
                if isinstance(error, pa.ArrowInvalid) and kind_of(source.path) == "text" and not problems:
                    note_unread(problems, source, {name: every[name] for name in columns}, self._missing, where)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as other:
            error = other
        problems.refuse()
        if error:
            raise UserError(f"{self.key}: {self.path}: {first_line(error)}") from error

    def _refuse_other_columns(self, source: Source) -> None:
        first = self.files[0].name
        for name in self.names:
            if name not in source.names:
                hint = did_you_mean(name, source.names)
                raise UserError(f"{self.key}: {source.path} has no column '{name}', which {first} has{hint}")
        for name in source.names:
            if name not in self.names:
                raise UserError(f"{self.key}: {source.path} has a column '{name}', which {first} has not")


class _Texts(dict[str, pa.DataType]):
    """All columns as text."""

    def __missing__(self, key: str) -> pa.DataType:
        return pa.string()


def read_all(table: Table, columns: Sequence[str], types: Mapping[str, pa.DataType]) -> pa.Table:
    """Return the whole table in memory. Raises what `Table.batches` raises."""
    try:
        batches = list(table.batches(columns, types))
    except RetypedError:
        batches = list(table.batches(columns, types))
    return pa.Table.from_batches(batches) if batches else pa.table({name: pa.nulls(0) for name in columns})


def open_table(path: Path, key: str, keys: Keys | None = None, known: Collection[str] = ()) -> Table:
    """Open a file, the files that a pattern names, or those of a folder. `known` are names of columns to expect.

    Raises `UserError` if there is none, it is of another kind, or can't be read; its columns may still be text.
    """
    return Table(path, key, keys or Keys(), known)


def _open_file(path: Path, key: str, keys: Keys, known: Collection[str]) -> Source:
    """Open a file of any kind. Raises `UserError` for one that can't be read; its columns may still be text."""
    source, kind, missing = f"{key}: {path}", kind_of(path), missing_cells(keys.missing)
    try:
        if kind == "text":
            from trainhouse.tables.csv_source import CsvSource

            return CsvSource(path, key, keys, missing, known)
        if kind == "parquet":
            from trainhouse.tables.columnar import open_parquet

            return open_parquet(path, missing)
        if kind == "arrow":
            from trainhouse.tables.columnar import open_arrow

            return open_arrow(path, missing)
        if kind == "json":
            from trainhouse.tables.json_lines import open_json_lines

            return open_json_lines(path, source, missing)
        from trainhouse.tables.excel import open_excel

        return open_excel(path, source, keys, missing, known)
    except (pa.ArrowException, OSError, EOFError) as error:
        raise UserError(f"{source} is not a readable {_CALLED[kind]} file ({first_line(error)})") from error
