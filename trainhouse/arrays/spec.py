"""What the data says of itself, once: every size and name that a network, a metric or a file needs.

These types are all that `evaluation` knows of the data package.
"""

from dataclasses import asdict, dataclass, field, fields, replace
from math import prod
from typing import Any, Literal, NamedTuple

import numpy as np

TaskName = Literal["classification", "regression"]
TASKS = ("classification", "regression")
# What specs of older versions say nothing of.
_LACKED: dict[str, Any] = {"label_places": (), "unused_places": (), "unlearned": {}, "ranges": ()}


@dataclass(frozen=True)
class DataSpec:
    """The facts of a data set, as plain values that a checkpoint can carry.

    Attributes:
        task: decides the loss, the metrics and the figures.
        input_shape: shape of one row as stored, without the batch dimension.
        dtype: numpy name of the rows as stored: ``uint8`` or ``float32``.
        outputs: number of classes, or number of regression targets.
        classes: class names in the order of the labels 0, 1, ...; empty for regression.
        targets: names of the target columns.
        columns: names of the feature columns of a table, in stored order; empty if they have none.
        categories: for each feature column that holds text, its category names in the order of their codes.
        missing: ``mean`` replaces a missing number (NaN) by the column's training mean, ``error`` refuses it.
        label_places: where the targets stand in a row of the file, if that has them beside the features.
        unused_places: where a row of the file has what is neither feature nor target.
        unlearned: for each feature column that holds text, what the file has in other rows than those of training.
        ranges: the least and the greatest number of each feature column in training; None if it holds text.
    """

    task: TaskName
    input_shape: tuple[int, ...]
    dtype: str
    outputs: int
    classes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ("target",)
    columns: tuple[str, ...] = ()
    categories: dict[str, tuple[str, ...]] | None = None
    missing: Literal["error", "mean"] = "error"
    # These say what one file was like, not which rows a model takes: specs that differ in them are equal.
    label_places: tuple[int, ...] = field(default=(), compare=False)
    unused_places: tuple[int, ...] = field(default=(), compare=False)
    unlearned: dict[str, tuple[str, ...]] | None = field(default=None, compare=False)
    ranges: tuple[tuple[float, float] | None, ...] = field(default=(), compare=False)

    def holds(self, shape: tuple[int, ...]) -> bool:
        """Whether rows of `shape` have the same numbers in the same order: flattened, or with axes of length 1."""
        size = prod(self.input_shape)
        axes = [[length for length in lengths if length != 1] for lengths in (shape, self.input_shape, (size,))]
        return axes[0] in axes[1:]

    def texts(self) -> dict[str, tuple[str, ...]] | None:
        """Return the texts of the whole file that the model was trained on, in training rows or not, as it was read."""
        others = self.unlearned or {}
        return {
            name: tuple(sorted((*texts, *others.get(name, ())))) for name, texts in (self.categories or {}).items()
        } or None

    def of_any_file(self) -> "DataSpec":
        """Return the spec without what it says of one file."""
        return replace(self, label_places=(), unused_places=(), unlearned=None, ranges=())

    def to_dict(self) -> dict[str, Any]:
        """Return plain containers only, which a checkpoint and YAML can hold."""
        plain: dict[str, Any] = {
            key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()
        }
        for key in ("categories", "unlearned"):
            plain[key] = {name: list(texts) for name, texts in (plain[key] or {}).items()}
        plain["ranges"] = [None if ends is None else list(ends) for ends in self.ranges]
        return plain

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "DataSpec":
        """Undo `to_dict`, of this or an older version. Raises `KeyError` or `TypeError` if neither made `values`."""
        values = {**{name: empty for name, empty in _LACKED.items() if name not in values}, **values}
        known = {one.name: values[one.name] for one in fields(cls)}
        for name in ("input_shape", "classes", "targets", "columns", "label_places", "unused_places"):
            known[name] = tuple(known[name])
        for name in ("categories", "unlearned"):
            known[name] = {column: tuple(texts) for column, texts in known[name].items()} or None
        known["ranges"] = tuple(None if ends is None else _range(*ends) for ends in known["ranges"])
        return cls(**known)


def _range(low: float, high: float) -> tuple[float, float]:
    if not isinstance(low, (int, float)) or not isinstance(high, (int, float)):
        raise TypeError(f"a range from {low!r:.20} to {high!r:.20}")
    return low, high


class Rows(NamedTuple):
    """Rows in stored form and what is to be predicted for them.

    `x` is (N, *input_shape), uint8 or float32, usually memory-mapped; `y` is (N,) int64 classes or
    (N, T) float32 targets.
    """

    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Dataset:
    """What a data source returns: rows still to be split, and splits that come as files of their own."""

    spec: DataSpec
    rows: Rows
    name: str
    val: Rows | None = None
    test: Rows | None = None
    reason: str = ""
    """Why the task is what it is."""
