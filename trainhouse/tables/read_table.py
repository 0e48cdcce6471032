"""A table with a header: numbers, text categories and empty cells, in one CSV file."""

import logging
from collections import Counter
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from trainhouse.arrays.array_file import open_array
from trainhouse.arrays.labels import Coding, refuse_constant
from trainhouse.arrays.moments import needs_float64
from trainhouse.arrays.readings import Reading, read_task, slip_lines
from trainhouse.arrays.spec import AUTO, BY_DTYPE, Dataset, DataSpec, Missing, Rows
from trainhouse.arrays.texts import Strangers
from trainhouse.arrays.unlabelled import Unlabelled, spread
from trainhouse.configuration.bounded import read_mapping
from trainhouse.configuration.errors import UserError
from trainhouse.machine.files import atomic_write, sha256, write_json
from trainhouse.tables.cells import encode_columns, read_cells, refuse_missing
from trainhouse.tables.columns import Asked, find_columns, labels_of, rows_with_labels
from trainhouse.tables.large_cells import refuse_too_large_cells
from trainhouse.tables.text_columns import find_categories, spelling_lines

_log = logging.getLogger(__name__)

_NOTES = "told.json"  # the warnings that reading the table gave, and why the task is what it is


def read_table(
    file: str,
    target: str | list[str],
    processed: str,
    task: str | None = None,
    drop: list[str] | None = None,
    shape: list[int] | None = None,
    dtype: str = "float32",
    missing: Missing = "mean",
    channel_axis: int | str = AUTO,
    keep_index: bool = False,
    unlabelled: Unlabelled = "error",
    like: DataSpec | None = None,
) -> Dataset:
    """Read the columns of `file` as features, and `target` (a column, or several for regression) as labels.

    The converted arrays are kept below the folder `processed`, in a folder named after the content and these
    arguments, so the next run maps them into memory at once; that folder can be deleted at any time.

    Args:
        drop: columns that are neither features nor labels.
        shape: shape of one row, for tables whose columns are pixels.
        dtype: ``uint8`` keeps whole numbers from 0 to 255 in a byte each; ``float32`` becomes float64 by itself
            where it would round away what tells numbers apart, as in a column far from 0.
        channel_axis: the axis of a row along which columns, features or channels lie, as `channel_axis_of` says.
        keep_index: use columns that number the rows too; they are left out otherwise, and named.
        unlabelled: ``drop`` leaves rows without a label out of every split; ``error`` refuses them.
        like: spec of earlier data, whose columns, classes and category codes these rows share.
    """
    path = Path(file)
    if dtype not in ("uint8", "float32"):
        raise UserError(f"data.dtype: expected uint8 or float32, got '{dtype}'")
    targets = [target] if isinstance(target, str) else list(target)
    if not targets:
        raise UserError("data.target: expected the name of a column, or of several, got an empty list")
    if twice := [name for name, count in Counter(targets).items() if count > 1]:
        raise UserError(f"data.target: column '{twice[0]}' is named twice")
    if both := [name for name in drop or [] if name in targets]:
        raise UserError(f"data.drop: column '{both[0]}' is the target; name it in data.target or in data.drop")
    if shape is not None and (not shape or min(shape) < 1):
        raise UserError(f"data.shape: expected whole numbers above 0, as [1, 28, 28], or null, got {shape}")
    asked = Asked(targets, task, drop or [], shape, dtype, missing, channel_axis, keep_index, unlabelled, like)
    refuse_missing(path, "data.file")
    folder = Path(processed) / path.name.partition(".")[0] / f"{sha256(path)[:12]}-{asked.digest()}"
    kept = _kept(folder)
    if kept is None:
        try:
            _convert(path, asked, folder)
        except OSError as error:
            raise UserError(f"data.processed: cannot write {folder}: {error.strerror}") from error
        kept = _kept(folder)
    if kept is None:
        raise UserError(f"data.processed: {folder} can't be read back; delete it")
    spec, notes = kept
    for line in notes["warnings"]:
        _log.warning("warning: %s: %s", file, line)
    x, y = (open_array(folder / f"{part}.npy", "data.processed") for part in ("features", "labels"))
    return Dataset(spec, Rows(x, y), name=file, reason=notes["reason"])


read_csv = read_table  # what configurations and code of earlier versions name


def _kept(folder: Path) -> tuple[DataSpec, dict[str, Any]] | None:
    """The spec of the arrays in `folder`, and what is to be said of them; None if there are none, or damaged ones."""
    try:
        content, notes = (read_mapping(folder / name) for name in ("spec.json", _NOTES))
        if content is None or notes is None or not isinstance(notes["warnings"], list):
            return None
        return DataSpec.from_dict(content), {**notes, "reason": str(notes["reason"])}
    except (UserError, KeyError, TypeError):
        return None


def _convert(path: Path, asked: Asked, folder: Path) -> None:
    """Read the table and keep its rows as arrays in `folder`, where every later run finds them."""
    like, targets = asked.like, asked.targets
    text_columns = list(like.categories or ()) if like else []
    if like and not all(name.removeprefix("-").isdecimal() for name in like.classes):
        text_columns += targets  # labels as they were written then, though these alone might look like numbers
    table = read_cells(path, text_columns)
    columns, warnings = find_columns(table, asked, path)
    if not like:
        refuse_too_large_cells(table, columns + targets, targets[0] if len(targets) == 1 else None, path)

    has_label = rows_with_labels(table, asked, path)
    labels = labels_of(table if has_label is None else table.filter(pa.array(has_label)), asked, str(path))
    source = f"{path}, column{'s' if targets[1:] else ''} {', '.join(targets)}"
    chosen, reason = Reading(like.task, "as in training") if like else read_task(labels, asked.task, source)
    warnings += [] if like or asked.task else slip_lines(labels, targets[0])
    coding = Coding.of(labels, chosen, like, source)
    y = coding.encode(labels, source)
    if chosen != "classification" and not like:
        refuse_constant(y, source)
    input_shape = like.input_shape if like else tuple(asked.shape or [len(columns)])
    if prod(input_shape) != len(columns):
        raise UserError(
            f"data.shape: {list(input_shape)} holds {prod(input_shape)} values, but {path} has {len(columns)} columns"
        )
    categories = like.texts() if like else find_categories(table, columns, str(path))
    if categories and asked.shape:
        raise UserError(f"data.shape: is for columns of pixels, but {next(iter(categories))} in {path} is text")
    if categories and asked.dtype == "uint8":
        raise UserError(
            f"data.dtype: uint8 is for columns of whole numbers, but {next(iter(categories))} in {path} is text"
        )
    places = {name: place for place, name in enumerate(table.column_names)}
    unused = places.keys() - {*columns, *targets}
    spec = DataSpec(
        task=chosen,
        input_shape=input_shape,
        dtype=_first_dtype(asked),
        outputs=coding.outputs(y),
        classes=like.classes if like else coding.names,
        targets=tuple(targets),
        columns=tuple(columns),
        categories=categories,
        missing=asked.missing,
        channel_axis=like.channel_axis if like else asked.channel_axis,
        label_places=like.label_places if like else tuple(places[name] for name in targets),
        unused_places=like.unused_places if like else tuple(sorted(places[name] for name in unused)),
        ranges=like.ranges if like else (),
    )
    strangers = Strangers(like or spec)
    x = encode_columns(table, spec, str(path), strangers)
    if not like and spec.dtype == "float64" and not needs_float64(x, spec.axis):
        spec, x = replace(spec, dtype="float32"), x.astype(np.float32)
    strangers.refuse(f"data.file: {path}")
    warnings += strangers.lines() if like else spelling_lines(categories or {})
    arrays = {"features": x, "labels": spread(y, has_label)}
    for part, array in arrays.items():
        with atomic_write(folder / f"{part}.npy") as file:
            np.save(file, array)
    write_json(folder / _NOTES, {"warnings": warnings, "reason": reason})
    write_json(folder / "spec.json", spec.to_dict())  # last: its presence says that the arrays are whole


def _first_dtype(asked: Asked) -> str:
    """The dtype to read numbers with: in float64, until it is known whether float32 would do."""
    if asked.dtype == "uint8" or asked.channel_axis == BY_DTYPE:
        return asked.dtype
    return asked.like.dtype if asked.like else "float64"
