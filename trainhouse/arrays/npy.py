"""The user's own numpy arrays, memory-mapped and kept as they are stored."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from trainhouse.arrays.array_file import open_array
from trainhouse.arrays.label_place import columns_of, whole_row
from trainhouse.arrays.labels import Coding, refuse_constant
from trainhouse.arrays.npy_beside import open_beside
from trainhouse.arrays.readings import Reading, read_task
from trainhouse.arrays.row_numbers import counts_rows, in_order_at_first, is_in_order
from trainhouse.arrays.spec import AUTO, Dataset, DataSpec, Missing, Rows
from trainhouse.arrays.unlabelled import Unlabelled, spread, which_have_labels
from trainhouse.configuration.errors import UserError

_log = logging.getLogger(__name__)


def read_npy(
    features: str,
    labels: str | None = None,
    val_features: str | None = None,
    val_labels: str | None = None,
    test_features: str | None = None,
    test_labels: str | None = None,
    task: str | None = None,
    missing: Missing = "error",
    channel_axis: int | str = AUTO,
    keep_index: bool = False,
    splits: str | None = None,
    groups: str | None = None,
    times: str | None = None,
    weights: str | None = None,
    val_groups: str | None = None,
    test_groups: str | None = None,
    val_weights: str | None = None,
    test_weights: str | None = None,
    unlabelled: Unlabelled = "error",
    like: DataSpec | None = None,
) -> Dataset:
    """Open arrays of shape (N, ...) and any real dtype; uint8 stays uint8, all else is served in float32 or float64.

    With `labels` None the last column of a two-dimensional `features` is the label. A column that counts the rows
    is no feature, unless `keep_index` says so. `channel_axis` is the axis of a row along which columns,
    features or channels lie, as `channel_axis_of` says. `like` is the spec of earlier data, whose task, classes, row
    shape and place of the label these rows share. `splits`, `groups`, `times` and `weights` are files (N,) of what is
    said of the rows: see `Beside`. Raises `UserError` for files that don't fit together.
    """
    layout = _find_layout(features, labels, keep_index, like)
    raw, written = _open_pair(features, labels, "features", "labels", layout)
    if like and like.holds(raw.shape[1:]):
        raw = raw.reshape(-1, *like.input_shape)
    source = labels or features
    has_label = which_have_labels(written, unlabelled, source)
    known = written if has_label is None else written[has_label]
    chosen, reason = Reading(like.task, "as in training") if like else read_task(known, task, source, has_label)
    coding = Coding.of(known, chosen, like, source, has_label)
    encoded = coding.encode(known, source, has_label)

    def separate(x_file: str | None, y_file: str | None, split: str) -> Rows | None:
        if x_file is None:
            if y_file is not None:
                raise UserError(f"data.{split}_labels is set but data.{split}_features is not")
            return None
        x, y = _open_pair(x_file, y_file, f"{split}_features", f"{split}_labels", layout)
        if like and like.holds(x.shape[1:]):
            x = x.reshape(-1, *like.input_shape)
        if x.shape[1:] != raw.shape[1:] or (x.dtype == np.uint8) != (raw.dtype == np.uint8):
            raise UserError(
                f"data.{split}_features: rows of {x_file} are {x.dtype} {x.shape[1:]}, "
                f"those of {features} {raw.dtype} {raw.shape[1:]}"
            )
        has = which_have_labels(y, unlabelled, y_file or x_file)
        return Rows(x, spread(coding.encode(y if has is None else y[has], y_file or x_file, has), has))

    own = Rows(raw, spread(encoded, has_label))
    if chosen != "classification" and not like:
        refuse_constant(encoded, source)
    outputs = coding.outputs(encoded)
    dtype = "uint8" if raw.dtype == np.uint8 else "float32"
    if like and (dtype == "uint8" or like.dtype != "uint8"):  # a model of numbers takes bytes too, not the reverse
        dtype = like.dtype
    spec = DataSpec(
        task=chosen,
        input_shape=raw.shape[1:],
        dtype=dtype,
        outputs=outputs,
        classes=coding.names,
        targets=("target",) if outputs == 1 or chosen == "classification" else tuple(f"{i}" for i in range(outputs)),
        missing=missing,
        channel_axis=like.channel_axis if like else channel_axis,
        label_places=like.label_places if like else () if layout.label is None else (layout.label,),
        unused_places=like.unused_places if like else layout.unused,
        ranges=like.ranges if like else (),
    )
    dataset = Dataset(
        spec,
        own,
        name=features,
        val=separate(val_features, val_labels, "val"),
        test=separate(test_features, test_labels, "test"),
        reason=reason,
    )
    return _with_beside(
        dataset, (splits, groups, times, weights), (val_groups, val_weights), (test_groups, test_weights)
    )


def _with_beside(dataset: Dataset, files: Sequence[str | None], *own: Sequence[str | None]) -> Dataset:
    """Return the data set with what the files say of its rows, and of those of files of their own."""
    names = ("splits", "groups", "times", "weights")
    found: dict[str, Any] = {"beside": open_beside(dict(zip(names, files, strict=True)), dataset.rows.y)}
    for split, rows, given in (("val", dataset.val, own[0]), ("test", dataset.test, own[1])):
        for name, main, file in zip(("groups", "weights"), files[1::2], given, strict=True):
            if rows is None and file is not None:
                raise UserError(f"data.{split}_{name} is set but data.{split}_features is not")
            if rows is not None and (main is None) != (file is None):
                one, other = (f"data.{name}", f"data.{split}_{name}")[:: -1 if main is None else 1]
                raise UserError(f"{one} is set but {other} is not; both files need them")
        if rows is not None:
            own_files = dict(zip(("groups", "weights"), given, strict=True))
            found[f"{split}_beside"] = open_beside(own_files, rows.y, f"{split}_")
    return replace(dataset, **found)


class _Layout(NamedTuple):
    """Where the columns of two-dimensional features stand in a row; of other features `places` is empty."""

    places: tuple[int, ...] = ()
    width: int = 0
    label: int | None = None
    unused: tuple[int, ...] = ()


def _find_layout(features: str, labels: str | None, keep_index: bool, like: DataSpec | None) -> _Layout:
    """Find label and row numbers in the columns: those of an array have no names to go by."""
    x = open_array(features, "data.features")
    if x.ndim != 2 or (labels is None and x.shape[1] < 2):
        return _Layout()
    width = x.shape[1]
    label = width - 1 if labels is None else None
    if like:
        if (whole := whole_row(width, like)) and (labels is not None or like.label_places):
            return _Layout(whole, width, like.label_places[0] if labels is None else None)
        if labels is None and like.columns:
            raise UserError(
                f"data.labels: required: {features} has {width} columns, and which of them is the label is not known"
            )
    places = [place for place in range(width) if place != label]
    unused = _numbers_of_rows(x, places, features) if not like and not keep_index else ()
    places = [place for place in places if place not in unused]
    if not places:
        raise UserError(f"data.features: {features} has no columns but row numbers; data.keep_index=true keeps them")
    return _Layout(tuple(places), width, label, unused)


def _numbers_of_rows(x: np.ndarray, places: list[int], features: str) -> tuple[int, ...]:
    """Return which columns count the rows, and say so; say also which may do so in another way."""
    possible = [place for place in in_order_at_first(x) if place in places]
    unused = tuple(place for place in possible if counts_rows(x[:, place]))
    for place in possible:
        if place in unused:
            what = "counts the rows and is left out (data.keep_index=true keeps it)"
        elif is_in_order(x[:, place]):
            what = "has whole numbers in order, which may number the rows; take it out, or set data.keep_index=true"
        else:
            continue
        _log.warning("warning: column %d of %s %s", place, features, what)
    return unused


def _open_pair(
    features: str, labels: str | None, x_key: str, y_key: str, layout: _Layout
) -> tuple[np.ndarray, np.ndarray]:
    """Return features and labels; the label's column, and what is no feature, are taken out of an array that has them.

    A split with a file of its own has the columns of `layout`, or the features alone.
    """
    x = open_array(features, f"data.{x_key}")
    if labels is None and (x.ndim != 2 or x.shape[1] < 2):
        raise UserError(
            f"data.{y_key} is null, so the last column of {features} would be the label, "
            f"but it has shape {x.shape}; set data.{y_key}"
        )
    if x.ndim < 2:
        raise UserError(f"data.{x_key}: {features} has shape {x.shape}, expected (N, features) or (N, ...)")
    y = None if labels is None else open_array(labels, f"data.{y_key}")
    if y is not None and len(x) != len(y):
        raise UserError(f"data.{y_key}: {labels} has {len(y)} rows, but {features} has {len(x)}")
    if y is not None and y.ndim > 1 and y.size == len(y):
        y = y.reshape(len(y))  # one label a row, however it is written
    is_whole = layout.places != () and x.ndim == 2 and x.shape[1] == layout.width
    if y is None and is_whole and layout.label is not None:
        y = x[:, layout.label]
    elif y is None:
        x, y = x[:, :-1], x[:, -1]
        is_whole = layout.places != () and x.shape[1] == layout.width
    return (columns_of(x, layout.places) if is_whole else x), y
