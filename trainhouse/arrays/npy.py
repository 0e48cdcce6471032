"""The user's own numpy arrays, memory-mapped and kept as they are stored."""

import logging

import numpy as np

from trainhouse.arrays.array_file import open_array
from trainhouse.arrays.labels import class_names, encode_classes, encode_targets, find_classes, find_task, known_classes
from trainhouse.arrays.spec import AUTO, Dataset, DataSpec, Rows
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
    missing: str = "error",
    channel_axis: int | str = AUTO,
    like: DataSpec | None = None,
) -> Dataset:
    """Open arrays of shape (N, ...) and any real dtype; uint8 stays uint8, all else is served in float32 or float64.

    With `labels` None the last column of a two-dimensional `features` is the label. `channel_axis` is the axis of a
    row along which columns, features or channels lie, as `channel_axis_of` says. `like` is the spec of earlier data,
    whose task, classes and row shape these rows share. Raises `UserError` for files that don't fit together.
    """
    raw, written = _open_pair(features, labels, "features", "labels")
    if like and like.holds(raw.shape[1:]):
        raw = raw.reshape(-1, *like.input_shape)
    chosen = like.task if like else find_task(written, task)
    if task is None and like is None and chosen == "regression":
        _mention_whole_numbers(written, labels or features)
    classes = None
    if chosen == "classification":
        classes = known_classes(like, written) if like else find_classes(written, labels or features)

    def rows(x: np.ndarray, y: np.ndarray, source: str) -> Rows:
        return Rows(x, encode_targets(y, source) if classes is None else encode_classes(y, classes, source))

    def separate(x_file: str | None, y_file: str | None, split: str) -> Rows | None:
        if x_file is None:
            if y_file is not None:
                raise UserError(f"data.{split}_labels is set but data.{split}_features is not")
            return None
        x, y = _open_pair(x_file, y_file, f"{split}_features", f"{split}_labels")
        if like and like.holds(x.shape[1:]):
            x = x.reshape(-1, *like.input_shape)
        if x.shape[1:] != raw.shape[1:] or (x.dtype == np.uint8) != (raw.dtype == np.uint8):
            raise UserError(
                f"data.{split}_features: rows of {x_file} are {x.dtype} {x.shape[1:]}, "
                f"those of {features} {raw.dtype} {raw.shape[1:]}"
            )
        return rows(x, y, y_file or x_file)

    own = rows(raw, written, labels or features)
    outputs = own.y.shape[1] if classes is None else len(classes)
    dtype = "uint8" if raw.dtype == np.uint8 else "float32"
    if like and (dtype == "uint8" or like.dtype != "uint8"):  # a model of numbers takes bytes too, not the reverse
        dtype = like.dtype
    spec = DataSpec(
        task=chosen,
        input_shape=raw.shape[1:],
        dtype=dtype,
        outputs=outputs,
        classes=() if classes is None else class_names(classes),
        targets=("target",) if outputs == 1 or classes is not None else tuple(f"{i}" for i in range(outputs)),
        missing=missing,  # type: ignore[arg-type]  # checked with the rest of the configuration
        channel_axis=like.channel_axis if like else channel_axis,
    )
    return Dataset(
        spec,
        own,
        name=features,
        val=separate(val_features, val_labels, "val"),
        test=separate(test_features, test_labels, "test"),
    )


def _mention_whole_numbers(labels: np.ndarray, source: str) -> None:
    """An array of floats can hold classes too; say what was assumed."""
    first = labels[:10_000]
    if (first == np.floor(first)).all() and len(np.unique(first)) <= 20:
        _log.warning(
            "warning: the labels in %s are floats, so this is regression; for classes set data.task=classification",
            source,
        )


def _open_pair(features: str, labels: str | None, x_key: str, y_key: str) -> tuple[np.ndarray, np.ndarray]:
    x = open_array(features, f"data.{x_key}")
    if labels is None:
        if x.ndim != 2 or x.shape[1] < 2:
            raise UserError(
                f"data.{y_key} is null, so the last column of {features} would be the label, "
                f"but it has shape {x.shape}; set data.{y_key}"
            )
        return x[:, :-1], x[:, -1]
    y = open_array(labels, f"data.{y_key}")
    if x.ndim < 2:
        raise UserError(f"data.{x_key}: {features} has shape {x.shape}, expected (N, features) or (N, ...)")
    if len(x) != len(y):
        raise UserError(f"data.{y_key}: {labels} has {len(y)} rows, but {features} has {len(x)}")
    return x, y
