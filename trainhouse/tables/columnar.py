"""Tables whose columns have types of their own: .parquet, .feather and .arrow."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from trainhouse.arrays.texts import is_number
from trainhouse.configuration.errors import UserError
from trainhouse.tables.column_kinds import as_kind
from trainhouse.tables.problems import Problems

_INDEX = "__index_level_"  # what pandas calls an index without a name


def plain(cells: pa.Array) -> pa.Array:
    """Return a column as numbers, strings or dates, as a text file would have it; other types stay as they are."""
    kind = cells.type
    if pa.types.is_dictionary(kind):
        return plain(cells.dictionary_decode())
    if pa.types.is_boolean(kind):
        return pc.if_else(cells, "True", "False")
    return cells.cast(plain_kind(kind))


def plain_kind(kind: pa.DataType) -> pa.DataType:
    """Return the type of what `plain` makes of a column."""
    if pa.types.is_dictionary(kind):
        return plain_kind(kind.value_type)
    if pa.types.is_boolean(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_decimal(kind):
        return pa.int64() if kind.scale == 0 and kind.precision <= 18 else pa.float64()
    return pa.float32() if pa.types.is_float16(kind) else kind


class TypedSource:
    """A file of typed columns. What is read of it as a type that it isn't raises `pa.ArrowInvalid`."""

    def __init__(
        self,
        path: Path,
        schema: pa.Schema,
        missing: pa.Array,
        read: Callable[[list[str]], Iterator[pa.RecordBatch]],
        codes: dict[str, str] | None = None,
        rounded: Collection[str] = (),
        nested: Collection[str] = (),
        note: str = "",
    ) -> None:
        """`read` yields batches of the columns with these names; `codes` are cells with zeros in front, where known.

        Of columns that are `rounded` the file has digits that their type has not, so they can't be read as text; those
        that are `nested` hold lists or objects, which can't be read at all. A `note` says what is easily overlooked.
        """
        self._note = note
        self._rounded, self._nested = rounded, nested
        self._codes = dict.fromkeys(_coded(schema), "") | (codes or {})
        self.path, self._schema, self._missing, self._read = path, schema, missing, read
        self.names = ["" if name.startswith(_INDEX) else name for name in schema.names]

    def add(self, name: str) -> None:
        """Add a column without a value, which other files of the table have: in JSON lines a key may be missing."""
        self.names = [*self.names, name]
        self._schema = self._schema.append(pa.field(name, pa.null()))

    def reading(self) -> str:
        """Return what is easily overlooked: there is one form only."""
        return self._note

    def marks(self) -> tuple[str, ...]:
        """Return nothing: numbers are not written in letters."""
        return ()

    def kinds(self, whole: bool) -> dict[str, pa.DataType]:
        """Return the type of each column."""
        return {name: plain_kind(field.type) for name, field in zip(self.names, self._schema, strict=True)}

    def learn(self) -> None:
        """Do nothing: there is nothing to learn."""

    def codes(self) -> dict[str, str]:
        """Return a cell of each column of numbers that are kept as text with zeros in front; "" of categories."""
        return self._codes

    def doubtful(self, columns: Collection[str]) -> str:
        """Return nothing: there is no doubt."""
        return ""

    def batches(
        self, columns: Sequence[str], types: Mapping[str, pa.DataType], problems: Problems | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the `columns`, as `types`."""
        own = [self._schema.names[self.names.index(name)] for name in columns]
        if lost := [name for name in columns if name in self._rounded and pa.types.is_string(types[name])]:
            raise UserError(
                f"{self.path}: column {lost[0]}: whole numbers beyond 2^53 beside fractions lose digits, so that two "
                "of them may look the same; write them as strings"
            )
        if held := [name for name in columns if name in self._nested and types[name] != pa.large_binary()]:
            raise UserError(f"{self.path}: column {held[0]} holds lists or objects; write a number or a string there")
        for batch in self._read(own):
            pairs = zip(own, columns, strict=True)
            cells = [_as(batch.column(name), types[column], self._missing) for name, column in pairs]
            yield pa.RecordBatch.from_arrays(cells, names=list(columns))

    def odd(self, name: str, texts: pa.Array) -> set[str]:
        """Return those of the texts of a column that are no numbers and not missing."""
        return {text for text in texts.to_pylist() if not is_number(text)} - {*self._missing.to_pylist()}


def _coded(schema: pa.Schema) -> list[str]:
    """Return the columns of categories that are whole numbers, as the file or pandas, which wrote it, says."""
    try:
        said = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))["columns"]
        of_pandas = {str(one["name"]) for one in said if one["pandas_type"] == "categorical"}
    except (ValueError, TypeError, KeyError, RecursionError):
        of_pandas = set()
    kinds = {field.name: field.type for field in schema}
    plain = {name: getattr(kind, "value_type", kind) for name, kind in kinds.items() if pa.types.is_dictionary(kind)}
    plain |= {name: kind for name, kind in kinds.items() if name in of_pandas and name not in plain}
    return [name for name, kind in plain.items() if pa.types.is_integer(kind)]


def _as(cells: pa.Array, kind: pa.DataType, missing: pa.Array) -> pa.Array:
    """Return cells as a type; decimals as text have all of their digits, which float64 has not."""
    is_exact = pa.types.is_decimal(cells.type) and pa.types.is_string(kind)
    return cells.cast(kind) if is_exact else as_kind(plain(cells), kind, missing)


def open_parquet(path: Path, missing: pa.Array) -> TypedSource:
    """Open a .parquet file. Raises what pyarrow raises."""
    from pyarrow import parquet  # takes a while

    schema = parquet.ParquetFile(path).schema_arrow

    def read(names: list[str]) -> Iterator[pa.RecordBatch]:
        with parquet.ParquetFile(path) as file:
            yield from file.iter_batches(columns=names)

    return TypedSource(path, schema, missing, read)


def open_arrow(path: Path, missing: pa.Array) -> TypedSource:
    """Open a .feather or .arrow file, of Arrow's format for files or for streams. Raises what pyarrow raises."""

    def opened() -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        file = pa.OSFile(str(path))
        try:
            reader = pa.ipc.open_file(file)
            return reader.schema, (reader.get_batch(place) for place in range(reader.num_record_batches))
        except pa.ArrowInvalid:
            file.seek(0)
            stream = pa.ipc.open_stream(file)
            return stream.schema, iter(stream)

    def read(names: list[str]) -> Iterator[pa.RecordBatch]:
        for batch in opened()[1]:
            batch.validate(full=True)  # offsets of a damaged file would lead anywhere in memory
            yield batch.select(names)

    return TypedSource(path, opened()[0], missing, read)
