"""The columns of a table: which of them are features, labels, categories."""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainhouse.arrays.read_table import plain_array
from trainhouse.arrays.row_numbers import find_row_numbers, in_order_lines, left_out_line
from trainhouse.arrays.spec import DataSpec, Missing
from trainhouse.arrays.texts import is_number
from trainhouse.configuration.errors import UserError, did_you_mean

_VERSION = 5  # of the conversion: arrays made by another one are made again


class Asked(NamedTuple):
    """What decides the converted arrays beside the file's content."""

    targets: list[str]
    task: str | None
    drop: list[str]
    shape: list[int] | None
    dtype: str
    missing: Missing
    channel_axis: int | str
    keep_index: bool
    like: DataSpec | None

    def digest(self) -> str:
        """Return a name for all of it."""
        like = self.like and {key: value for key, value in self.like.to_dict().items() if key != "ranges"}
        return hashlib.sha256(json.dumps([_VERSION, *self[:-1], like]).encode()).hexdigest()[:8]


def find_columns(table: pa.Table, asked: Asked, path: Path) -> tuple[list[str], list[str]]:
    """Return the feature columns, and what is to be said of columns that are left out."""
    like = asked.like
    for key, listed in (("target", asked.targets), ("drop", [] if like else asked.drop)):
        for name in listed:
            if name not in table.column_names:
                raise UserError(f"data.{key}: {path} has no column '{name}'{did_you_mean(name, table.column_names)}")
    if like and like.columns:
        if absent := [name for name in like.columns if name not in table.column_names]:
            hint = did_you_mean(absent[0], table.column_names)
            raise UserError(f"data.file: {path} has no column '{absent[0]}', which the model was trained on{hint}")
        return list(like.columns), []
    columns = [name for name in table.column_names if name not in {*asked.targets, *asked.drop}]
    if not columns:
        raise UserError(f"data.file: {path} has no columns but the target")
    if asked.keep_index:
        return columns, []
    numbers = find_row_numbers(table, columns)
    if not numbers:
        return columns, in_order_lines(table, columns)
    if len(numbers) == len(columns):
        raise UserError(
            f"data.file: {path} has no features but row numbers ({', '.join(map(repr, numbers))}); "
            "data.keep_index=true uses them"
        )
    columns = [name for name in columns if name not in numbers]
    return columns, [left_out_line(numbers), *in_order_lines(table, columns)]


def labels_of(table: pa.Table, targets: list[str], source: str) -> np.ndarray:
    """Return the labels (N,), or (N, T) of several targets. Raises `UserError` for rows without one."""
    for name in targets:
        column = table.column(name)
        absent = pc.equal(column, "") if pa.types.is_string(column.type) else column.is_null()
        if rows := np.flatnonzero(absent.fill_null(True).to_numpy()).tolist():
            raise UserError(f"{source}: {len(rows)} rows have no label in column {name}; the first is row {rows[0]}")
    columns = [plain_array(table.column(name)) for name in targets]
    if len(columns) > 1 and any(column.dtype.kind not in "iuf" for column in columns):
        raise UserError(f"data.target: several targets must be numbers ({source})")
    return columns[0] if len(columns) == 1 else np.column_stack(columns).astype(np.float64)


def categories_of(table: pa.Table, columns: list[str], source: str) -> dict[str, tuple[str, ...]]:
    """The sorted texts of each column that is not numeric. Raises `UserError` for other kinds of columns."""
    found = {}
    for name in columns:
        kind = table.column(name).type
        if pa.types.is_string(kind):
            cells = [(row, text) for row, text in enumerate(table.column(name).to_pylist()) if text]
            texts = {text for _, text in cells}
            _refuse_numbers(cells, name, source)
            if len(texts) > (table.num_rows // 2 if len(texts) > 100 else max(10, 0.9 * table.num_rows)):
                raise UserError(
                    f"{source}: column {name} has {len(texts)} different texts in {table.num_rows} rows, which is no "
                    f"category; leave it out with data.drop=[{name}]"
                )
            found[name] = tuple(sorted(texts))
        elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
            raise UserError(f"{source}: column {name} holds {kind}; leave it out with data.drop=[{name}]")
    return found


def _refuse_numbers(cells: list[tuple[int, str]], name: str, source: str) -> None:
    """Raise `UserError` for text that is numbers but for a few cells, or for decimal commas: no category is."""
    odd = [(row, text) for row, text in cells if not is_number(text)]
    numbers = sum(is_number(text.replace(",", ".")) for _, text in cells)
    if odd and numbers >= 0.9 * len(cells):
        row, text = odd[0]
        mend = "write decimal points" if is_number(text.replace(",", ".")) else "empty that cell"
        raise UserError(
            f"{source}: column {name}: {numbers} of {len(cells)} values are numbers, row {row} is '{text}'; "
            f"{mend}, or leave the column out with data.drop=[{name}]"
        )
