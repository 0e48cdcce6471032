"""The columns of a table that are no features: splits, groups, times, weights, and identifiers of rows.

They are read as they are written (a group or an identifier ``007`` is not 7), in a pass of their own, and kept beside
the arrays of features.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainhouse.arrays.beside import Beside, splits_from
from trainhouse.arrays.unlabelled import read_for
from trainhouse.configuration.errors import UserError, did_you_mean
from trainhouse.machine.files import atomic_write, sha256
from trainhouse.tables.beside_cells import groups_of, text_of, times_of, weights_of
from trainhouse.tables.missing_words import USUAL
from trainhouse.tables.one_file import Keys
from trainhouse.tables.source import RetypedError, Table, open_table
from trainhouse.tables.text_columns import spelling_lines

_log = logging.getLogger(__name__)

_KEYS = {
    "splits": "data.split_column",
    "groups": "data.group_column",
    "times": "data.time_column",
    "weights": "data.weight_column",
    "val": "data.val_file",
    "test": "data.test_file",
}
_WARNINGS = "warnings"  # beside the arrays
_OF_IDS = "sha256_of_ids"
_VERSION = 5  # of what is kept


@dataclass(frozen=True)
class BesideColumns:
    """The columns that the configuration names, by their keys there."""

    split_column: str | None = None
    group_column: str | None = None
    time_column: str | None = None
    weight_column: str | None = None
    id_columns: tuple[str, ...] = ()
    keep_columns: tuple[str, ...] = ()
    """Those of group and time that are features too."""
    time_format: str | None = None
    """How dates in the column of time are written, where that is said."""

    def named(self) -> Iterator[tuple[str, str]]:
        """Yield each key with the column that it names."""
        for key in ("split_column", "group_column", "time_column", "weight_column"):
            if (name := getattr(self, key)) is not None:
                yield key, name
        yield from (("id_columns", name) for name in self.id_columns)

    def check(self, targets: list[str]) -> None:
        """Raise `UserError` for a column that would be two things at once."""
        named = list(self.named())
        for key, name in named:
            if name in targets:
                raise UserError(f"data.{key}: column '{name}' is the target, data.target")
        for place, (key, name) in enumerate(named):
            for other, same in named[:place]:
                if name == same and key == other:
                    raise UserError(f"data.{key}: column '{name}' is named twice")
                if name == same and "id_columns" not in (key, other):
                    raise UserError(f"data.{key}: column '{name}' is data.{other} already; name another")
        may = {self.group_column, self.time_column}
        if wrong := [name for name in self.keep_columns if name not in may]:
            raise UserError(
                f"data.keep_columns: '{wrong[0]}' is neither data.group_column nor data.time_column, which alone can "
                "be features too"
            )

    def not_features(self) -> list[str]:
        """Return the columns that no model gets."""
        return list(dict.fromkeys(name for _, name in self.named() if name not in self.keep_columns))

    def of_own_file(self) -> "BesideColumns":
        """Return those that count in a file of a split's own."""
        return replace(self, split_column=None, time_column=None)

    @contextmanager
    def names_its_keys(self) -> Iterator[None]:
        """Name the key of a column that is missing, which is taken out of the features as those of data.drop are."""
        try:
            yield
        except UserError as error:
            for key, name in self.named():
                if str(error).startswith("data.drop:") and f"has no column '{name}'" in str(error):
                    raise UserError(str(error).replace("data.drop:", f"data.{key}:", 1)) from error
            raise

    def digest(self) -> str:
        """Return a name for all of it."""
        how = [self.time_format] if self.time_format else []
        return hashlib.sha256(json.dumps([_VERSION, *self.named(), *how]).encode()).hexdigest()[:8]


@contextmanager
def names_own_file(file: Path, name: str, split: str, trained_on: str) -> Iterator[None]:
    """Name the key of a split's own file, in what is said of it. Raises `UserError` if it is that of training."""
    key, path = f"data.{split}_file", Path(name)
    if path.is_file() and path.samefile(file):
        raise UserError(f"{key}: {name} is data.file itself, so the model would know its rows; name another file")
    try:
        yield
    except UserError as error:
        text = str(error).replace("data.file:", f"{key}:", 1)
        raise UserError(text.replace("which the model was trained on", f"which {trained_on} has")) from error


def read_beside(
    path: Path, columns: BesideColumns, keys: Keys, folder: Path, y: np.ndarray, known: list[str], passes: bool = False
) -> Beside:
    """Return what `columns` say of the rows of a table; kept in `folder`, so that the next run does not read it again.

    `y` (N, ...) are their labels, and `known` other columns. Raises `UserError` for a column that is missing, and for
    cells that can't be what they stand for. With `passes` it passes over those: a model measures other data too, of
    which no row trains.
    """
    if not list(columns.named()):
        return Beside(keys=_KEYS)
    kept, ids = folder / f"beside-{columns.digest()}.npz", folder / f"ids-{columns.digest()}.arrow"
    if (read := _kept(kept, ids, len(y))) is None:
        _keep(open_table(path, "data.file", keys, known), columns, kept, ids, passes, read_for(y))
        if (read := _kept(kept, ids, len(y))) is None:
            raise UserError(f"data.processed: {kept} can't be read back, or has other rows than {path}; delete it")
    arrays, warnings = read
    for line in warnings:
        _log.warning("warning: %s: %s", path, line)
    if columns.weight_column and "weights" not in arrays:
        _log.warning("warning: %s has no column '%s', so each row counts once", path, columns.weight_column)
    ids_of = StoredIds(ids) if columns.id_columns else None
    return Beside(**arrays, ids=ids_of, keys=_KEYS)


def _kept(kept: Path, ids: Path, rows: int) -> tuple[dict[str, np.ndarray], list[str]] | None:
    """Return the arrays of a file, each of so many rows, and warnings about them.

    None if there is no such file, or it or that of `ids` is damaged.
    """
    try:
        with np.load(kept, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
        written, warnings = arrays.pop(_OF_IDS), arrays.pop(_WARNINGS).tolist()
        if written.size and bytes.fromhex(sha256(ids)) != written.tobytes():
            return None
    except (OSError, ValueError, KeyError, BadZipFile):
        return None
    return (arrays, warnings) if all(len(array) == rows for array in arrays.values()) else None


def _keep(
    opened: Table, columns: BesideColumns, kept: Path, ids: Path, passes: bool, numbers: np.ndarray | None
) -> None:
    typed = ("weight_column",) if columns.time_format else ("time_column", "weight_column")
    as_text = [name for key, name in columns.named() if key not in typed]
    path, names = opened.path, opened.names
    for key, name in () if passes else columns.named():
        if name not in names:
            raise UserError(f"data.{key}: {path} has no column '{name}'{did_you_mean(name, names)}")
    opened.refuse_doubtful([name for _, name in columns.named() if name in names and name not in as_text])
    table = _table(opened, list(dict.fromkeys(name for _, name in columns.named() if name in names)), as_text)
    opened.refuse_changed(kept.parent)
    try:
        if columns.id_columns:
            found = {name: text_of(table.column(name)) for name in columns.id_columns if name in names}
            with atomic_write(ids) as file, pa.ipc.new_file(file, pa.table(found).schema) as writer:
                writer.write_table(pa.table(found))
        for name in (name for key, name in columns.named() if key in typed and name in as_text and name in names):
            place = table.column_names.index(name)  # an id is text, a time and a weight are numbers
            table = table.set_column(place, name, _table(opened, [name], []).column(name))
        table = table if numbers is None else table.take(pa.array(numbers))
        arrays = _arrays(table, columns, path, passes)
        groups = [name for name in (columns.group_column,) if name in table.column_names and name]
        texts = {name: pc.unique(text_of(table.column(name))).to_pylist() for name in groups}
        arrays[_WARNINGS] = np.array([*spelling_lines(texts, "groups"), *_absent_group_lines(texts)], np.str_)
        arrays[_OF_IDS] = np.frombuffer(bytes.fromhex(sha256(ids)) if columns.id_columns else b"", np.uint8)
        with atomic_write(kept) as file:
            np.savez(file, allow_pickle=False, **arrays)
    except OSError as error:
        raise UserError(f"data.processed: cannot write {kept}: {error.strerror}") from error


def _absent_group_lines(texts: Mapping[str, list[str]]) -> list[str]:
    """Return a line for groups that are called as a missing value is: their rows are one group."""
    absent = {name: [text for text in groups if text.strip() in USUAL] for name, groups in texts.items()}
    return [
        f"column {name}: {', '.join(map(repr, groups))} is a group, whose rows stay together; if these have none, "
        "write one for each row"
        for name, groups in absent.items()
        if groups
    ]


def _table(opened: Table, names: list[str], as_text: list[str]) -> pa.Table:
    types = {name: pa.string() for name in as_text if name in names}
    while True:
        try:
            return pa.Table.from_batches([*opened.batches(names, types)])
        except RetypedError:  # once
            continue


def _arrays(table: pa.Table, columns: BesideColumns, path: Path, passes: bool) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    kinds: dict[str, tuple[str, Callable[[pa.ChunkedArray, str], np.ndarray]]] = {
        "split_column": ("splits", lambda column, source: splits_from(text_of(column).to_pylist(), source)),
        "group_column": ("groups", groups_of),
        "time_column": ("times", partial(times_of, name=columns.time_column or "", written=columns.time_format)),
        "weight_column": ("weights", weights_of),
    }
    for key, (what, convert) in kinds.items():
        name = getattr(columns, key)
        if name is None or name not in table.column_names:
            continue
        try:
            found[what] = convert(table.column(name), f"data.{key}: {path}, column {name}")
        except UserError:
            if not passes or what == "weights":
                raise
    return found


@dataclass(frozen=True)
class StoredIds:
    """Identifiers of rows, memory-mapped when they are asked for."""

    file: Path

    def __call__(self, numbers: np.ndarray) -> dict[str, Any]:
        """Return a column of strings (K,) for each name, of the rows numbered (K,)."""
        with pa.memory_map(str(self.file)) as source:
            table = pa.ipc.open_file(source).read_all().take(pa.array(numbers))
            return {name: table.column(name).to_pylist() for name in table.column_names}
