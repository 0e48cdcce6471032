"""Tables with a JSON object in each line: .jsonl and .ndjson. A key that a line lacks is missing there.

pyarrow reads a block of lines at once where each key has one kind of simple values there; all else is read value by
value.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

from trainhouse.configuration.errors import UserError
from trainhouse.tables.column_kinds import common_kind
from trainhouse.tables.columnar import TypedSource, plain
from trainhouse.tables.text_stream import TextStream

_LIKE = '{"a": 1}'
_BLOCK = 2**22  # bytes
_DEEPEST = 1000  # pyarrow has no limit, and crashes
_BEYOND_INT64 = 2.0**63
_WHOLE = 2**53  # below which float64 has each whole number
_LARGE = pa.decimal128(38, 0)
_NESTED = pa.large_binary()


class _Rows(NamedTuple):
    number: int
    columns: dict[str, pa.Array]

    def column(self, name: str, kind: pa.DataType) -> pa.Array:
        """Return a column, of nulls if there is none; whole numbers too large for a float64 are rounded."""
        cells = self.columns.get(name)
        return pa.nulls(self.number, kind) if cells is None else cells.cast(kind, safe=not pa.types.is_floating(kind))


def open_json_lines(path: Path, source: str, missing: pa.Array) -> TypedSource:
    """Open a file, which is read once for its keys and their types."""
    found: dict[str, dict[pa.DataType, None]] = {}
    dates, large = set[str](), set[str]()
    for line, text in _blocks(path, source):
        for name, cells in (_at_once(text, dates) or _by_value(text, line, source)).columns.items():
            found.setdefault(name, {})[cells.type] = None
            large |= {name} if _is_large(cells) else set()
    kinds = {name: _common(some) for name, some in found.items()}

    def read(names: list[str]) -> Iterator[pa.RecordBatch]:
        for line, text in _blocks(path, source):
            rows = _at_once(text, dates)
            if rows:
                rows.columns.update((name, pa.nulls(rows.number, _NESTED)) for name in nested)
            if not rows or any(_is_lost(rows.columns[name].type, kinds[name]) for name in {*names} & {*rows.columns}):
                rows = _by_value(text, line, source, kinds)
            cells = [rows.column(name, kinds.get(name, pa.null())) for name in names]
            yield pa.RecordBatch.from_arrays(cells, names=names)

    nested = [name for name, kind in kinds.items() if kind == _NESTED]  # is refused: only its type counts
    rounded = [name for name in large if pa.types.is_floating(kinds[name])]
    return TypedSource(path, pa.schema(list(kinds.items())), missing, read, rounded=rounded, nested=nested)


def _is_large(cells: pa.Array) -> bool:
    """Whether a whole number among the cells may have digits that float64 has not."""
    if not (pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type)):
        return bool(cells.type == _LARGE)
    ends = pc.min_max(cells).as_py()
    return any(end is not None and abs(end) >= _WHOLE for end in ends.values())


def _common(kinds: Iterable[pa.DataType]) -> pa.DataType:
    """The type of a key's values in all blocks: large whole numbers are numbers among others."""
    kinds = {kind for kind in kinds if not pa.types.is_null(kind)}
    if _NESTED in kinds:
        return _NESTED
    if _LARGE in kinds and kinds <= {_LARGE, pa.int64(), pa.float64()}:
        return pa.float64() if pa.float64() in kinds else _LARGE
    return common_kind(kinds)


def _is_lost(kind: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether values of a type that pyarrow read don't say how the file writes them."""
    return pa.types.is_string(wanted) and not (pa.types.is_string(kind) or pa.types.is_null(kind))


def _at_once(text: bytes, dates: set[str]) -> _Rows | None:
    """The columns of some lines; None if they have to be read value by value.

    What is nested is null. Strings that look like `dates` to pyarrow stay strings: their keys are added there.
    """
    each = text.split(b"\n")
    lines = sum(map(bool, map(bytes.strip, each)))
    if text.count(b"{") + text.count(b"[") - lines > _DEEPEST and any(map(_is_deep, each)):
        return None
    read = arrow_json.ReadOptions(use_threads=False, block_size=len(text) + 1)
    try:
        table = arrow_json.read_json(pa.BufferReader(text), read, _strings(dates))
        names = table.column_names
        if new := {field.name for field in table.schema if pa.types.is_timestamp(field.type)}:
            dates |= new
            table = arrow_json.read_json(pa.BufferReader(text), read, _strings(dates)).select(names)
    except pa.ArrowInvalid:
        return None
    if table.num_rows != lines:  # several objects in a line
        return None
    columns = {}
    for name, column in zip(table.column_names, table.combine_chunks().columns, strict=True):
        cells = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        if pa.types.is_nested(cells.type):
            cells = pa.nulls(lines, _NESTED)
        if pa.types.is_floating(cells.type) and (pc.max(pc.abs(cells)).as_py() or 0) >= _BEYOND_INT64:
            return None  # perhaps of whole numbers
        columns[name] = plain(cells)
    return _Rows(lines, columns)


def _is_deep(line: bytes) -> bool:
    """Whether a line may be nested too deep, or go on in the next."""
    curly, square = line.count(b"{"), line.count(b"[")
    return curly + square > _DEEPEST or curly != line.count(b"}") or square != line.count(b"]")


def _strings(names: Iterable[str]) -> arrow_json.ParseOptions:
    return arrow_json.ParseOptions(explicit_schema=pa.schema([(name, pa.string()) for name in sorted(names)]))


def _by_value(text: bytes, first: int, source: str, kinds: dict[str, pa.DataType] | None = None) -> _Rows:
    """The columns of some lines, the `first` of which has that number; of such `kinds`, where these are known."""
    rows = []
    for line, one in enumerate(text.split(b"\n"), first):
        if one.strip():
            rows.append(_object(one, line, source))
    names = dict.fromkeys(key for row in rows for key in row)
    columns = {name: _column([row.get(name) for row in rows], kinds and kinds[name]) for name in names}
    return _Rows(len(rows), columns)


def _object(text: bytes, line: int, source: str) -> dict[str, Any]:
    try:
        row = json.loads(text, object_pairs_hook=_once, parse_int=_whole)
        if b"\\u" in text:
            json.dumps(row, ensure_ascii=False).encode()  # half of a pair of surrogates is no character
        if not isinstance(row, dict):
            raise UserError(f"{source}: line {line} is no object, as {_LIKE}, but {text.strip().decode()[:40]}")
        return row
    except _TwiceError as error:
        raise UserError(f"{source}: line {line} has the key '{error}' twice; take one out") from None
    except (ValueError, RecursionError) as error:
        is_list = text.lstrip().startswith(b"[") or text.rstrip().endswith(b",")
        way = "write each object on a line of its own, without commas between them" if is_list else "expected an object"
        raise UserError(f"{source}: line {line} is no JSON ({error}); {way}, as {_LIKE}") from None


class _TwiceError(Exception):
    """An object has a key twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(next(name for name in names if names.count(name) > 1))
    return row


def _whole(digits: str) -> int:
    if len(digits) > _LARGE.precision:
        raise ValueError(f"a whole number of {len(digits)} digits; write a string, or an exponent, as 1e40")
    return int(digits)


def _column(values: list[Any], kind: pa.DataType | None = None) -> pa.Array:
    """The values of a key, of that `kind`; those of several types are text, as are truth values."""
    types = {type(value) for value in values} - {type(None)}
    if not types:
        return pa.nulls(len(values))
    if types <= {int, float} and not (kind and pa.types.is_string(kind)):
        return _numbers(values, float if float in types else int)
    if {dict, list} & types:
        return pa.nulls(len(values), _NESTED)
    return pa.array([None if value is None else _as_text(value) for value in values], pa.string())


def _numbers(values: list[Any], kind: Callable[[Any], float]) -> pa.Array:
    if kind is float:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    try:
        return pa.array(values, pa.int64())
    except OverflowError:  # whole numbers beyond 64 bits, with all of their digits
        return pa.array([None if value is None else Decimal(value) for value in values], _LARGE)


def _as_text(value: Any) -> str:
    return (
        value if isinstance(value, str) else str(value) if isinstance(value, (bool, int, float)) else json.dumps(value)
    )


def _blocks(path: Path, source: str) -> Iterator[tuple[int, bytes]]:
    """Yield whole lines, with the number of the first."""
    with TextStream(path, source) as stream:
        line, held = 1, list[bytes]()
        size = 0
        while block := stream.read(2**20):
            held.append(block)
            size += len(block)
            if size >= _BLOCK and b"\n" in block:
                text, _, rest = b"".join(held).rpartition(b"\n")
                yield line, text
                line, held, size = line + text.count(b"\n") + 1, [rest], len(rest)
        if text := b"".join(held):
            yield line, text
