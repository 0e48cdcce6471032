"""What configurations of older versions lack, and what was done then: so that their files stay readable."""

import copy
import math
from typing import Any

from trainhouse.configuration.old_names import has_own
from trainhouse.configuration.views import Part

Plain = dict[str, Any]

# The module around a plain network, and the first layer of array data.
MODULE = {"_target_": "src.training.module.Module"}
PREPROCESSING = {"_target_": "src.data.preprocessing.Preprocessing"}

# What the losses of a name are now, and which of them are of classes.
_LOSSES = {"auto": "Auto", "cross_entropy": "CrossEntropy", "mse": "mse", "mae": "mae", "huber": "huber"}
_OF_CLASSES = ("Auto", "CrossEntropy")

# Each key with the value that says what was done before there was the key. Those of `data` are of arrays.
BEFORE: Plain = {
    "module": MODULE,
    "init_prefix": None,
    "rank_timeout": None,
    "compile": False,
    "tags": [],
    "notes": None,
    "log_gradients": False,
    "freeze": [],
    "metrics": {"auto": {"_target_": "src.evaluation.metrics.usual", "splits": ["train", "val", "test"]}},
    "data.fold": None,
    "data.folds": 5,
    "data.preprocessing": PREPROCESSING,
    "data.shuffle": "rows",
    "data.block_rows": 256,
    "data.window_blocks": 64,
}
# Of the library's own readers, whose new arguments other functions don't take.
_READERS = ("read_npy", "read_table", "read_csv")
_READERS_BEFORE: Plain = {"channel_axis": "by_dtype"}


def with_reader_complete(data: Plain) -> Plain:
    """Return the `data` group of an older run with what its reader did before it was asked."""
    is_reader = str(data.get("_target_")).rpartition(".")[2] in _READERS
    return {**data, **{name: data.get(name, value) for name, value in _READERS_BEFORE.items()}} if is_reader else data


def with_loss_as_part(plain: Plain) -> Plain:
    """Return a configuration in which the loss, which was chosen by a name, names its function as other parts do.

    A project that still has the user's house of that time keeps the name: there the module reads it.
    """
    loss = plain.get("loss")
    name = loss.get("name") if isinstance(loss, dict) and "_target_" not in loss else None
    target = _LOSSES.get(name) if isinstance(name, str) else None
    if target is None or not has_own("src.training.losses", target):
        return plain
    assert isinstance(loss, dict)
    smoothing = {"label_smoothing": loss.get("label_smoothing", 0.0), "class_weight": None}
    new = {"_target_": f"src.training.losses.{target}", **(smoothing if target in _OF_CLASSES else {})}
    return {**plain, "loss": {**new, **{key: loss[key] for key in loss if key not in ("name", "label_smoothing")}}}


def with_loss_record_as_part(record: Plain) -> Plain:
    """Return what a run's metrics.json says of its loss in the words of today."""
    if "loss.name" not in record:
        return record
    loss = {key.removeprefix("loss."): value for key, value in record.items() if key.startswith("loss.")}
    return {
        **{key: value for key, value in record.items() if not key.startswith("loss.")},
        **loss_record(with_loss_as_part({"loss": loss})["loss"]),
    }


def loss_record(loss: Plain) -> Plain:
    """Return what a run's metrics.json says of its loss."""
    target = {"loss": loss["_target_"]} if "_target_" in loss else {}
    return {**target, **{f"loss.{key}": value for key, value in loss.items() if key != "_target_"}}


def is_array_data(data: Part) -> bool:
    """Whether a `data` group is of arrays, in any version: a LightningDataModule hardly has all of these keys."""
    return all(key in data for key in ("split", "split_seed", "embedding_dim", "augmentation"))


def with_what_it_lacks(plain: Plain) -> Plain:
    """Return a configuration of a training with the keys that there were none of when it was written."""
    new = dict(with_loss_as_part(plain))
    data = dict(new["data"]) if isinstance(new.get("data"), dict) else None
    for key, value in BEFORE.items():
        group, _, name = key.rpartition(".")
        if key == "metrics" and not has_own("src.evaluation.metrics", "usual"):
            continue  # the user's house is of that time too
        if not group:
            new.setdefault(name, copy.deepcopy(value))
        elif data is not None and is_array_data(Part(data)):
            data.setdefault(name, copy.deepcopy(value))
    return new if data is None else {**new, "data": data}


def with_label_place(spec: Plain, data: Plain) -> Plain:
    """Return a checkpoint's spec with the label's place: the last one, in an array without a file of labels."""
    # Of the readers that there were, these two had it there.
    is_array_file = str(data.get("_target_")).endswith((".read_npy", ".read_fake")) and data.get("labels") is None
    if "label_places" in spec or spec.get("columns") or not is_array_file or not spec.get("input_shape"):
        return spec
    return {**spec, "label_places": [math.prod(spec["input_shape"])]}
