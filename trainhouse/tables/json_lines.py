"""Tables with a JSON object in each line: .jsonl and .ndjson. A key that a line lacks is missing there."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from trainhouse.configuration.errors import UserError
from trainhouse.tables.column_kinds import common_kind
from trainhouse.tables.columnar import TypedSource
from trainhouse.tables.text_stream import TextStream

_LIKE = '{"a": 1}'
_ROWS = 65_536  # of a block


def open_json_lines(path: Path, source: str, missing: pa.Array) -> TypedSource:
    """Open a file, which is read once for its keys and their types."""
    found: dict[str, dict[pa.DataType, None]] = {}
    for rows in _blocks(path, source):
        for name in dict.fromkeys(key for row in rows for key in row):
            found.setdefault(name, {})[_column(rows, name).type] = None
    kinds = {name: common_kind(some) for name, some in found.items()}

    def read(names: list[str]) -> Iterator[pa.RecordBatch]:
        for rows in _blocks(path, source):
            cells = [_cast(_column(rows, name), kinds.get(name, pa.null())) for name in names]
            yield pa.RecordBatch.from_arrays(cells, names=names)

    return TypedSource(path, pa.schema(list(kinds.items())), missing, read)


def _column(rows: list[dict[str, Any]], name: str) -> pa.Array:
    """The values of a key; those of several types are text, as are truth values."""
    values = [row.get(name) for row in rows]
    types = {type(value) for value in values} - {type(None)}
    if types <= {int, float} or types == {str}:
        return _numbers_or_texts(values, types) if types else pa.nulls(len(values))
    if {dict, list} & types and len(types) == 1:
        return pa.array([json.dumps(value) for value in values]).cast(pa.large_binary())
    return pa.array([None if value is None else _as_text(value) for value in values], pa.string())


def _numbers_or_texts(values: list[Any], types: set[type]) -> pa.Array:
    if float in types:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    try:
        return pa.array(values)
    except OverflowError:  # whole numbers beyond 64 bits, with all of their digits
        return pa.array([None if value is None else Decimal(value) for value in values], pa.decimal128(38, 0))


def _cast(cells: pa.Array, kind: pa.DataType) -> pa.Array:
    return cells if cells.type == kind else cells.cast(kind)


def _as_text(value: Any) -> str:
    return (
        value if isinstance(value, str) else str(value) if isinstance(value, (bool, int, float)) else json.dumps(value)
    )


def _blocks(path: Path, source: str) -> Iterator[list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    for line, text in enumerate(_lines(path, source), 1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except ValueError as error:
            raise UserError(f'{source}: line {line} is no JSON ({error}); expected an object, as {{"a": 1}}') from None
        if not isinstance(row, dict):
            raise UserError(f'{source}: line {line} is no object, as {{"a": 1}}, but {text.strip().decode()[:40]}')
        rows.append(row)
        if len(rows) == _ROWS:
            yield rows
            rows = []
    if rows:
        yield rows


def _lines(path: Path, source: str) -> Iterator[bytes]:
    with TextStream(path, source) as stream:
        held = b""
        while block := stream.read(2**20):
            *lines, held = (held + block).split(b"\n")
            yield from lines
        yield held
