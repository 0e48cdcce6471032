"""Columns of tables turned into the numbers of a spec; and the rows of a file, in a stream, as a model takes them."""

import logging
from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np
import pyarrow as pa

from trainhouse.arrays.label_place import check_labels, feature_places
from trainhouse.arrays.row_numbers import has_no_name, left_out_line
from trainhouse.arrays.spec import DataSpec
from trainhouse.arrays.texts import Strangers, code_of, is_number
from trainhouse.configuration.errors import UserError, did_you_mean
from trainhouse.tables.dates import seconds_of
from trainhouse.tables.missing_words import Words, without
from trainhouse.tables.one_file import Keys
from trainhouse.tables.source import Table, open_table
from trainhouse.tables.text_columns import first_text, not_numbers

_log = logging.getLogger(__name__)


def stream_table(path: Path, key: str, spec: DataSpec, keys: Keys) -> Iterator[np.ndarray]:
    """Yield stored rows (B, *input_shape) of a table's files, a block at a time; columns are found by name.

    Columns that the spec doesn't know (the label among them) are passed over. A model that was trained on an
    array has no names: its columns are taken by their order, and have to be as many. Raises `UserError` for a column
    that is missing.
    """
    words = Words.of_spec(spec.missing_words).in_numbers
    opened = open_table(path, key, keys._replace(missing=words, as_codes=tuple(spec.categories or ())), spec.columns)
    source, columns, labels = f"{key}: {path}", list(spec.columns), list[str]()
    if not columns:
        columns, labels = _unnamed_columns(opened.names, spec, source)
    for name in columns:
        if name not in opened.names:
            hint = did_you_mean(name, opened.names)
            raise UserError(f"{source} has no column '{name}', which the model was trained on{hint}")
    opened.refuse_twice([*columns, *labels])
    as_text = {*(spec.categories or ()), *(spec.dates or ())}
    opened.refuse_doubtful([name for name in columns if name not in as_text])
    types = {name: pa.string() if name in as_text else pa.float64() for name in columns}
    if labels:
        kinds = opened.kinds(whole=False)
        types |= {name: pa.string() if pa.types.is_null(kinds[name]) else kinds[name] for name in labels}
    start, strangers = 0, Strangers(spec)
    for block in opened.batches(columns + labels, types):
        table = pa.Table.from_batches([block])
        for name in labels:
            check_labels(plain_array(table.column(name)), spec, f"{source}: column {name}", start)
        rows = encode_columns(table.select(columns), spec, source, strangers, start)
        if start == 0:
            for line in opened.readings():
                _log.info("%s: %s", path, line)
            if names := strangers.all_unknown():
                _refuse_unknown_columns(opened, names, spec, source)
        yield rows
        start += block.num_rows
    if start == 0:
        raise UserError(f"{source} has no rows")
    for line in strangers.lines():
        _log.warning("warning: %s: %s", path, line)
    if line := strangers.missing_line(start):
        _log.info("%s: %s", path, line)


def _refuse_unknown_columns(opened: Table, names: list[str], spec: DataSpec, source: str) -> None:
    """Raise `UserError` if all texts of one of the columns are unknown; each of them is read to the end, alone."""
    for name in names:
        strangers = Strangers(spec)
        words = Words.of_spec(spec.missing_words).in_texts
        for block in opened.batches([name], {name: pa.string()}):
            _codes(without(pa.chunked_array([block.column(0)]), words), name, (), strangers)
            if strangers.known[name]:
                break
        strangers.refuse(source)


def encode_columns(table: pa.Table, spec: DataSpec, source: str, strangers: Strangers, start: int = 0) -> np.ndarray:
    """Return the spec's columns of `table` as stored rows (N, *input_shape); text becomes its category's code.

    A missing number or date is NaN, a missing or unknown category -1, and `strangers` learns of them; a date becomes
    its seconds. `start` is the number of the first row, for messages. Raises `UserError` for a value that the stored
    dtype can't hold.
    """
    categories, words = spec.categories or {}, Words.of_spec(spec.missing_words)
    names = spec.columns or tuple(table.column_names)
    rows = np.empty((table.num_rows, len(names)), dtype=np.float64 if spec.dtype == "float64" else np.float32)
    for index, name in enumerate(names):
        is_text = name in categories
        column = without(table.column(name), words.in_texts if is_text else words.in_numbers)
        strangers.missing[name] += column.null_count
        if is_text:
            rows[:, index] = _codes(column, name, categories[name], strangers, name in spec.grouped)
            continue
        if name in (spec.dates or {}):
            rows[:, index] = seconds_of(column, (spec.dates or {})[name], f"{source}: column {name}", start)
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


def _codes(
    column: pa.ChunkedArray, name: str, categories: tuple[str, ...], strangers: Strangers, is_grouped: bool = False
) -> np.ndarray:
    """The code of each cell (N,), worked out once for each text; of grouped ones unknown texts have the last code."""
    cells = column.cast(pa.string()).combine_chunks()
    cells = (cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells).dictionary_encode()
    texts = cells.dictionary.to_pylist()
    places = cells.indices.fill_null(len(texts)).to_numpy()
    strangers.add(name, texts, np.bincount(places, minlength=len(texts))[: len(texts)])
    found = [code_of(text, categories) if text else -1 for text in texts]
    if is_grouped:
        found = [len(categories) - 1 if text and code < 0 else code for text, code in zip(texts, found, strict=True)]
    codes = np.array([*found, -1])  # the last one for null
    coded: np.ndarray = codes[places]
    return coded


def _unnamed_columns(header: list[str], spec: DataSpec, source: str) -> tuple[list[str], list[str]]:
    """The features and labels of a model that was trained on an array, by their order. Row numbers are left out."""
    if all(is_number(name) for name in header):
        raise UserError(f"{source} has no header: its first row would be lost; add a line of column names")
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
    coded = column.cast(pa.string()).fill_null("").combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    texts: np.ndarray = np.array(coded.dictionary.to_pylist(), dtype=np.str_)[coded.indices.to_numpy()]
    return texts
