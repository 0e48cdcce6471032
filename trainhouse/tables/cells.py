"""Tables of named columns: CSV files read in a stream, and columns turned into the numbers of a spec."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from math import prod
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from trainhouse.arrays.label_place import check_labels, feature_places
from trainhouse.arrays.row_numbers import has_no_name, left_out_line
from trainhouse.arrays.spec import DataSpec
from trainhouse.arrays.texts import Strangers, code_of, is_number
from trainhouse.configuration.errors import UserError, did_you_mean, first_line
from trainhouse.tables.form import refuse_other_form
from trainhouse.tables.text_columns import MISSING_WORDS, first_text, not_numbers

_log = logging.getLogger(__name__)

# True and False stay the text that they are: a column read by its content in training is read as text later.
_AS_READ: dict[str, list[str]] = {"true_values": [], "false_values": [], "null_values": list(MISSING_WORDS)}


def read_cells(path: Path, text_columns: Iterable[str] = ()) -> pa.Table:
    """Return a whole CSV file (``.csv`` or ``.csv.gz``), its columns typed by their content; empty cells are null.

    The `text_columns` are text whatever they hold. Raises `UserError` if there is no such file, or no rows in it.
    """
    key = "data.file"
    refuse_missing(path, key)
    refuse_other_form(path, key)
    types = dict.fromkeys(text_columns, pa.string())
    try:
        table = csv.read_csv(path, convert_options=csv.ConvertOptions(column_types=types, **_AS_READ))
        names = table.column_names
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{key}: {path} is not a readable CSV file ({first_line(error)})") from error
    if table.num_rows == 0:
        raise UserError(f"{key}: {path} has no rows")
    _refuse_twice(names, f"{key}: {path}")
    for field in table.schema:
        if pa.types.is_binary(field.type):
            raise UserError(f"{key}: {path}, column {field.name} is not UTF-8 text")
    return table


def stream_table(path: Path, key: str, spec: DataSpec) -> Iterator[np.ndarray]:
    """Yield stored rows (B, *input_shape) of a CSV file, a block at a time; columns are found by name.

    Columns that the spec doesn't know (the label among them) are passed over. A model that was trained on an
    array has no names: its columns are taken by their order, and have to be as many. Raises `UserError` for a column
    that is missing.
    """
    refuse_missing(path, key)
    refuse_other_form(path, key, spec.columns)
    source, numbers = f"{key}: {path}", list[str]()
    try:
        header = csv.open_csv(path).schema.names
        columns, labels = list(spec.columns), list[str]()
        if not columns:
            columns, labels = _unnamed_columns(header, spec, source)
        for name in columns:
            if name not in header:
                hint = did_you_mean(name, header)
                raise UserError(f"{source} has no column '{name}', which the model was trained on{hint}")
        _refuse_twice([name for name in header if name in {*columns, *labels}], source)
        types = {name: pa.string() if name in (spec.categories or {}) else pa.float64() for name in columns}
        numbers = [name for name in columns if name not in (spec.categories or {})]
        options = csv.ConvertOptions(
            column_types=types, include_columns=columns + labels, null_values=_AS_READ["null_values"]
        )
        start, strangers = 0, Strangers(spec)
        with csv.open_csv(path, convert_options=options) as reader:
            for block in reader:
                if block.num_rows:
                    table = pa.Table.from_batches([block])
                    for name in labels:
                        check_labels(plain_array(table.column(name)), spec, f"{source}: column {name}", start)
                    rows = encode_columns(table.select(columns), spec, source, strangers, start)
                    if start == 0 and (names := strangers.all_unknown()):
                        _refuse_unknown_columns(path, names, spec, source)
                    yield rows
                    start += block.num_rows
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        if "conversion error" in str(error):
            with suppress(pa.ArrowInvalid, OSError):
                _refuse_texts(path, numbers, source)
        raise UserError(f"{key}: {path}: {first_line(error)}") from error
    if start == 0:
        raise UserError(f"{source} has no rows")
    for line in strangers.lines():
        _log.warning("warning: %s: %s", path, line)


def _refuse_texts(path: Path, numbers: list[str], source: str) -> None:
    """Raise `UserError` that names the first text in the columns of `numbers`: the file is read once more for it."""
    types = dict.fromkeys(numbers, pa.string())
    options, start = csv.ConvertOptions(column_types=types, include_columns=numbers), 0
    with csv.open_csv(path, convert_options=options) as reader:
        for block in reader:
            for name in numbers:
                with suppress(StopIteration):
                    odd = first_text(block.column(name).to_pylist(), start)
                    raise UserError(f"{source}: column {name}: {odd}")
            start += block.num_rows


def _refuse_unknown_columns(path: Path, names: list[str], spec: DataSpec, source: str) -> None:
    """Raise `UserError` if all texts of one of the columns are unknown; each of them is read to the end, alone."""
    for name in names:
        options = csv.ConvertOptions(column_types={name: pa.string()}, include_columns=[name])
        strangers = Strangers(spec)
        with csv.open_csv(path, convert_options=options) as reader:
            for block in reader:
                _codes(pa.chunked_array([block.column(0)]), name, (), strangers)
                if strangers.known[name]:
                    break
        strangers.refuse(source)


def encode_columns(table: pa.Table, spec: DataSpec, source: str, strangers: Strangers, start: int = 0) -> np.ndarray:
    """Return the spec's columns of `table` as stored rows (N, *input_shape); text becomes its category's code.

    A missing number is NaN; a missing or unknown category is -1, and `strangers` learns of it. `start` is the number of
    the first row, for messages. Raises `UserError` for a value that the stored dtype can't hold.
    """
    categories = spec.categories or {}
    names = spec.columns or tuple(table.column_names)
    rows = np.empty((table.num_rows, len(names)), dtype=np.float64 if spec.dtype == "float64" else np.float32)
    for index, name in enumerate(names):
        column = table.column(name)
        if name in categories:
            rows[:, index] = _codes(column, name, categories[name], strangers)
            continue
        if holds := not_numbers(column.type):
            raise UserError(f"{source}: column {name} holds {holds}, but numbers in training; write it as then")
        try:
            numbers = column.cast(pa.float64(), safe=pa.types.is_string(column.type)).to_numpy()  # 2^53 + 1 is rounded
        except pa.ArrowInvalid as error:
            raise UserError(f"{source}: column {name}: {first_text(column.to_pylist(), start)}") from error
        with np.errstate(over="ignore"):  # a number too large for float32 is refused later, as infinite
            rows[:, index] = numbers
    if spec.dtype == "uint8":
        wrong = ~((rows >= 0) & (rows <= 255) & (rows == np.floor(rows)))
        if wrong.any():
            row, column_index = np.argwhere(wrong)[0]
            raise UserError(
                f"{source}: row {start + row}, column {names[column_index]} is {rows[row, column_index]:g}, "
                "expected a whole number from 0 to 255 (data.dtype=uint8)"
            )
    return rows.astype(spec.dtype, copy=False).reshape(-1, *spec.input_shape)


def _codes(column: pa.ChunkedArray, name: str, categories: tuple[str, ...], strangers: Strangers) -> np.ndarray:
    """The code of each cell (N,), worked out once for each text."""
    cells = column.cast(pa.string()).combine_chunks()
    cells = (cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells).dictionary_encode()
    texts = cells.dictionary.to_pylist()
    places = cells.indices.fill_null(len(texts)).to_numpy()
    strangers.add(name, texts, np.bincount(places, minlength=len(texts))[: len(texts)])
    codes = np.array([*(code_of(text, categories) if text else -1 for text in texts), -1])  # the last one for null
    coded: np.ndarray = codes[places]
    return coded


def _unnamed_columns(header: list[str], spec: DataSpec, source: str) -> tuple[list[str], list[str]]:
    """The features and labels of a model that was trained on an array, by their order. Row numbers are left out."""
    if all(is_number(name) for name in header):
        raise UserError(f"{source} has no header: its first row would be lost; add a line of column names")
    _refuse_twice(header, source)
    names = [name for name in header if not has_no_name(name)]
    if left_out := [name for name in header if has_no_name(name)]:
        _log.warning("warning: %s: %s", source.partition(": ")[2], left_out_line(left_out))
    takes = f"{prod(spec.input_shape)} without names"
    places = feature_places(len(names), spec, f"{source} has {len(names)} columns", takes)
    features = [names[place] for place in places]
    return features, [name for name in names if name not in features]


def plain_array(column: pa.ChunkedArray) -> np.ndarray:
    """Return a column's numbers, or its cells as text; a missing number is NaN, a missing text empty."""
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        numbers: np.ndarray = column.to_numpy()
        return numbers
    return np.array(column.cast(pa.string()).fill_null("").to_pylist())


def _refuse_twice(names: Iterable[str], source: str) -> None:
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise UserError(f"{source} has two columns '{twice[0]}'; rename one, or take it out")


def refuse_missing(path: Path, key: str) -> None:
    """Raise `UserError` if there is no file at `path`, or nothing in it."""
    if not path.is_file():
        raise UserError(f"{key}: {path} does not exist (relative paths start at {Path.cwd()})")
    if path.stat().st_size == 0:
        raise UserError(f"{key}: {path} is empty (0 bytes)")
