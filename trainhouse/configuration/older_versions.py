"""What configurations of older versions lack, and what was done then: so that their files stay readable."""

import copy
import math
from typing import Any

from trainhouse.configuration.views import Part

Plain = dict[str, Any]

# The module around a plain network, and the first layer of array data.
MODULE = {"_target_": "src.training.module.Module"}
PREPROCESSING = {"_target_": "src.data.preprocessing.Preprocessing"}

# Each key with the value that says what was done before there was the key. Those of `data` are of arrays.
BEFORE: Plain = {
    "module": MODULE,
    "init_prefix": None,
    "compile": False,
    "tags": [],
    "notes": None,
    "log_gradients": False,
    "data.fold": None,
    "data.folds": 5,
    "data.preprocessing": PREPROCESSING,
    "data.shuffle": "rows",
    "data.block_rows": 256,
    "data.window_blocks": 64,
}
# Of the library's own readers, whose new arguments other functions don't take.
_READERS = ("read_npy", "read_csv")
_READERS_BEFORE: Plain = {"channel_axis": "by_dtype"}


def with_reader_complete(data: Plain) -> Plain:
    """Return the `data` group of an older run with what its reader did before it was asked."""
    is_reader = str(data.get("_target_")).rpartition(".")[2] in _READERS
    return {**data, **{name: data.get(name, value) for name, value in _READERS_BEFORE.items()}} if is_reader else data


def is_array_data(data: Part) -> bool:
    """Whether a `data` group is of arrays, in any version: a LightningDataModule hardly has all of these keys."""
    return all(key in data for key in ("split", "split_seed", "embedding_dim", "augmentation"))


def with_what_it_lacks(plain: Plain) -> Plain:
    """Return a configuration of a training with the keys that there were none of when it was written."""
    new = dict(plain)
    data = dict(new["data"]) if isinstance(new.get("data"), dict) else None
    for key, value in BEFORE.items():
        group, _, name = key.rpartition(".")
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
