"""The columns of a table: which of them are features, labels, categories."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainhouse.arrays.row_numbers import find_row_numbers, in_order_lines, left_out_line
from trainhouse.arrays.spec import DataSpec, Missing
from trainhouse.arrays.unlabelled import WAY as LEAVES_OUT
from trainhouse.arrays.unlabelled import check_unlabelled
from trainhouse.configuration.errors import UserError, did_you_mean
from trainhouse.tables.cells import plain_array
from trainhouse.tables.kinds import Kinds, typed_words
from trainhouse.tables.missing_words import USUAL, Words, without
from trainhouse.tables.text_columns import first_text, not_numbers

_VERSION = 14  # of the conversion: arrays made by another one are made again
_SHOWN = 5


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
    kinds: Kinds
    words: Words
    form: list[str | int | None]
    unlabelled: str
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
                hint = did_you_mean(name, table.column_names) or _there_are(table.column_names)
                raise UserError(f"data.{key}: {path} has no column '{name}'{hint}")
    if like and like.columns:
        if absent := [name for name in like.columns if name not in table.column_names]:
            hint = did_you_mean(absent[0], table.column_names)
            raise UserError(f"data.file: {path} has no column '{absent[0]}', which the model was trained on{hint}")
        return list(like.columns), []
    asked.kinds.check(table.column_names, asked.targets, asked.drop, f"{path}")
    dropped = {*asked.targets, *asked.drop, *asked.kinds.all_of("drop")}
    columns = [name for name in table.column_names if name not in dropped]
    if not columns:
        raise UserError(f"data.file: {path} has no columns but the target")
    if asked.keep_index:
        return columns, []
    guessed = [name for name in columns if name not in asked.kinds.of]
    numbers = find_row_numbers(table, guessed)
    if not numbers:
        return columns, in_order_lines(table, guessed)
    if len(numbers) == len(columns):
        raise UserError(
            f"data.file: {path} has no features but row numbers ({', '.join(map(repr, numbers))}); "
            "data.keep_index=true uses them"
        )
    columns, guessed = ([name for name in names if name not in numbers] for names in (columns, guessed))
    return columns, [f"{left_out_line(numbers)}; data.keep_index=true keeps them", *in_order_lines(table, guessed)]


def _there_are(names: Sequence[str]) -> str:
    """Say which columns there are; of one alone, whose name has a sign in it, that this may separate several."""
    if len(names) == 1 and (sign := re.search(r"(?<=\w)[^\w\s.'\"](?=\w)", names[0])):
        return f"; its header is one name, '{names[0]:.40}': set data.separator='{sign[0]}' if that separates columns"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    listed = ", ".join(f"'{name:.40}'" for name in names[:_SHOWN])
    return f"; it has {listed}{more}"


def code_lines(codes: Mapping[str, str], columns: Sequence[str], kinds: Kinds) -> list[str]:
    """Say which feature `columns` are read as numbers though some of their cells have zeros in front, as `codes` do.

    A code that is empty stands for numbers that are categories in their file.
    """
    has = {
        name: f"'{code}' has zeros in front, but is" if code else "categories in its file, but"
        for name, code in codes.items()
    }
    return [
        f"column {name}: {has[name]} read as {'a number' if codes[name] else 'numbers'}; if these are codes, set "
        f"{kinds.typed(name, 'category')}; {kinds.typed(name, 'number')} keeps them, without this line"
        for name in columns
        if name in codes and name not in kinds.of
    ]


def labels_of(table: pa.Table, asked: Asked, source: str, has_label: np.ndarray | None = None) -> np.ndarray:
    """Return the labels (N,), or (N, T) of several targets, of the rows that `has_label` (None: all).

    Raises `UserError` for rows without one.
    """
    targets = asked.targets
    cells = {name: table.column(name) for name in targets}
    if has_label is not None:
        cells = {name: column.filter(pa.array(has_label)) for name, column in cells.items()}
    for name, column in cells.items():
        if column.type == pa.large_binary():
            raise UserError(f"{source}, column {name}: holds {not_numbers(column.type)}, which are no labels")
        if rows := np.flatnonzero(_absent(column, asked.words)).tolist():
            way = "predict without labels, with infer.py" if asked.like else "name another column in data.target"
            raise UserError(f"{source}: {_unlabelled(name, rows)}, or {way}; {LEAVES_OUT}")
        if asked.like is None and asked.task != "classification" and (holds := not_numbers(column.type)):
            raise UserError(
                f"{source}, column {name}: holds {holds}; write them as numbers: days or seconds since a day of your "
                "choice; for classes set data.task=classification"
                if pa.types.is_temporal(column.type)
                else f"{source}, column {name}: holds {holds}, which are no labels; write numbers or texts"
            )
    columns = [_as_numbers(plain_array(column)) if targets[1:] else plain_array(column) for column in cells.values()]
    if len(columns) > 1:
        for name, column in zip(targets, columns, strict=True):
            if column.dtype.kind not in "iuf":
                odd = first_text(plain_array(table.column(name)).tolist())  # with rows numbered as in the file
                raise UserError(f"data.target: several targets must be numbers ({source}, column {name}: {odd})")
    return columns[0] if len(columns) == 1 else np.column_stack(columns).astype(np.float64)


def _as_numbers(labels: np.ndarray) -> np.ndarray:
    """Return labels (N,) that are true and false as 1 and 0; others as they are."""
    if labels.dtype.kind != "U" or not {text.strip().lower() for text in np.unique(labels).tolist()} <= {
        "true",
        "false",
    }:
        return labels
    return np.char.equal(np.char.lower(np.char.strip(labels)), "true").astype(np.int64)


def rows_with_labels(table: pa.Table, asked: Asked, path: Path) -> np.ndarray | None:
    """Return for which rows (N,) every target is there, if others are to be dropped; None if all are, or none is."""
    check_unlabelled(asked.unlabelled)
    if asked.unlabelled == "error":
        return None
    lacks = np.any([_absent(table.column(name), asked.words) for name in asked.targets], axis=0)
    if lacks.all():
        raise UserError(f"{path}: no row has a label in {', '.join(asked.targets)}")
    return ~lacks if lacks.any() else None


def _absent(column: pa.ChunkedArray, words: Words) -> np.ndarray:
    column = without(column, words.own)
    absent = pc.equal(pc.utf8_trim_whitespace(column), "") if pa.types.is_string(column.type) else column.is_null()
    rows: np.ndarray = absent.fill_null(True).to_numpy()
    return rows


def absent_class_lines(names: Sequence[str], column: str) -> list[str]:
    """Return a line for those of the classes' names that stand for a missing value elsewhere: they may do so here."""
    odd = [name for name in names if name in USUAL or not re.search(r"\w", name)]
    if not odd or 2 * len(odd) >= len(names):  # as of + and -
        return []
    listed = ", ".join(f"'{name}'" for name in odd)
    return [
        f"column {column}: {listed} {'is a class' if len(odd) == 1 else 'are classes'}; if it stands for a missing "
        f"label, {typed_words(odd)} data.unlabelled=drop leaves its rows out; data.task=classification keeps it, "
        "without this line"
    ]


def _unlabelled(name: str, rows: list[int]) -> str:
    if len(rows) == 1:
        return f"1 row has no label in column {name}: row {rows[0]}; delete it"
    return f"{len(rows)} rows have no label in column {name}; the first is row {rows[0]}; delete them"
