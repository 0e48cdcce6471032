"""What the data says of itself, once: every size and name that a network, a metric or a file needs.

These types are all that `evaluation` knows of the data package.
"""

from dataclasses import asdict, dataclass, field, fields, replace
from math import prod
from typing import Any, Literal, NamedTuple

import numpy as np

from trainhouse.arrays.beside import Beside
from trainhouse.arrays.spec_values import ALL as ALL
from trainhouse.arrays.spec_values import AUTO as AUTO
from trainhouse.arrays.spec_values import BY_DTYPE as BY_DTYPE
from trainhouse.arrays.spec_values import HOLDS, shown
from trainhouse.arrays.spec_values import TASKS as TASKS
from trainhouse.configuration.errors import UserError

TaskName = Literal["classification", "regression", "multilabel"]
Missing = Literal["error", "mean"]
SERVED = ("uint8", "float32", "float64")
"""The dtypes in which rows of arrays are handed to a model."""
LONGEST_CLASS = 1000
"""Characters of a class's name: each row of the predictions may have it."""
_IMAGE_SIDE = 8  # of bytes in two dimensions: smaller ones are steps of a sequence with few features
# What specs of older versions say nothing of.
_LACKED: dict[str, Any] = {
    "channel_axis": BY_DTYPE,
    "label_places": (),
    "unused_places": (),
    "unlearned": {},
    "ranges": (),
    "missing_words": (),
    "dates": {},
    "date_parts": {},
    "grouped": (),
    "marks": (),
}
_TUPLES = (
    "input_shape",
    "classes",
    "targets",
    "columns",
    "label_places",
    "unused_places",
    "missing_words",
    "grouped",
    "marks",
)


@dataclass(frozen=True)
class DataSpec:
    """The facts of a data set, as plain values that a checkpoint can carry.

    Attributes:
        task: decides the loss, the metrics and the figures.
        input_shape: shape of one row as stored, without the batch dimension.
        dtype: numpy name of the rows as served: ``uint8``, ``float32``, or ``float64`` where float32 can't hold them.
        outputs: number of classes, of regression targets, or of labels that may be true together.
        classes: class names in the order of the labels 0, 1, ...; empty for regression and several labels.
        targets: names of the target columns, or of the labels.
        columns: names of the feature columns of a table, in stored order; empty if they have none.
        categories: for each feature column that holds text, its category names in the order of their codes.
        missing: ``mean`` replaces a missing number (NaN) by the column's training mean, ``error`` refuses it.
        channel_axis: the axis of a row along which lie the columns, features or channels that have a mean and a
            deviation each; None has one of both for all numbers. ``auto`` goes by the shape, as `channel_axis_of` says.
        label_places: where the targets stand in a row of the file, if that has them beside the features.
        unused_places: where a row of the file has what is neither feature nor target.
        unlearned: for each feature column that holds text, what the file has in other rows than those of training.
        ranges: the least and the greatest number of each feature column in training; None if it holds text.
        missing_words: what stands for a missing text in a column of text, beside an empty cell.
        dates: for each feature column that holds dates, how they are written: ``iso`` and the like, or a format of
            Python's `strptime`. They are stored as seconds since 1970.
        date_parts: which parts of a date vary in training, by its column: see `date_parts.PARTS`.
        grouped: the columns of text whose last category stands for all texts that are no category of their own.
        marks: the decimal mark and the separator of thousands of a text file's numbers; none if they are as usual.
    """

    task: TaskName
    input_shape: tuple[int, ...]
    dtype: str
    outputs: int
    classes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ("target",)
    columns: tuple[str, ...] = ()
    categories: dict[str, tuple[str, ...]] | None = None
    missing: Missing = "error"
    channel_axis: int | str | None = AUTO
    missing_words: tuple[str, ...] = ()
    dates: dict[str, str] | None = None
    # These say what one file was like, not which rows a model takes: specs that differ in them are equal.
    label_places: tuple[int, ...] = field(default=(), compare=False)
    unused_places: tuple[int, ...] = field(default=(), compare=False)
    unlearned: dict[str, tuple[str, ...]] | None = field(default=None, compare=False)
    ranges: tuple[tuple[float, float] | None, ...] = field(default=(), compare=False)
    date_parts: dict[str, tuple[str, ...]] | None = field(default=None, compare=False)
    grouped: tuple[str, ...] = field(default=(), compare=False)
    marks: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if self.channel_axis is not None:
            axis = channel_axis_of(self.input_shape, self.dtype, self.channel_axis)
            object.__setattr__(self, "channel_axis", axis)

    @property
    def axis(self) -> int | None:
        """The `channel_axis`, counted from the front."""
        assert not isinstance(self.channel_axis, str)
        return self.channel_axis

    def holds(self, shape: tuple[int, ...]) -> bool:
        """Whether rows of `shape` have the same numbers in the same order: flattened, or with axes of length 1."""
        size = prod(self.input_shape)
        axes = [[length for length in lengths if length != 1] for lengths in (shape, self.input_shape, (size,))]
        return axes[0] in axes[1:]

    def texts(self) -> dict[str, tuple[str, ...]] | None:
        """Return the texts of the whole file that the model was trained on, in training rows or not, as it was read."""
        others = self.unlearned or {}
        found = {}
        for name, texts in (self.categories or {}).items():
            group = texts[-1:] if name in self.grouped else ()  # last, so that all others have the codes of the file
            found[name] = (*sorted((*texts[: len(texts) - len(group)], *others.get(name, ()))), *group)
        return found or None

    def of_any_file(self) -> "DataSpec":
        """Return the spec without what it says of one file."""
        return replace(self, label_places=(), unused_places=(), unlearned=None, ranges=(), marks=())

    def to_dict(self) -> dict[str, Any]:
        """Return plain containers only, which a checkpoint and YAML can hold."""
        plain: dict[str, Any] = {
            key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()
        }
        for key in ("categories", "unlearned", "date_parts"):
            plain[key] = {name: list(texts) for name, texts in (plain[key] or {}).items()}
        plain["dates"] = dict(self.dates or {})
        plain["ranges"] = [None if ends is None else list(ends) for ends in self.ranges]
        return plain

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "DataSpec":
        """Undo `to_dict`, of this or an older version. Raises `KeyError` or `TypeError` if neither made `values`."""
        if not isinstance(values, dict):
            raise TypeError(f"expected a mapping, found {type(values).__name__}")
        known = {one.name: {**_LACKED, **values}[one.name] for one in fields(cls)}
        for name, holds in HOLDS.items():
            if not holds(known[name]):
                raise TypeError(f"{name} is {shown(known[name])}")
        for name in _TUPLES:
            known[name] = tuple(known[name])
        known["dates"] = dict(known["dates"] or {}) or None
        for name in ("categories", "unlearned", "date_parts"):
            known[name] = {column: tuple(texts) for column, texts in (known[name] or {}).items()} or None
        known["ranges"] = tuple(None if ends is None else tuple(map(float, ends)) for ends in known["ranges"])
        spec = cls(**known)
        named = spec.classes if spec.task == "classification" else spec.targets
        if len(named) != spec.outputs:
            raise TypeError(f"outputs is {spec.outputs}, of {len(named)} names")
        for name in ("categories", "dates", "date_parts"):
            if not (getattr(spec, name) or {}).keys() <= set(spec.columns):
                raise TypeError(f"{name} names columns that are not there")
        if not set(spec.grouped) <= {name for name, texts in (spec.categories or {}).items() if texts}:
            raise TypeError("grouped names columns without categories")
        if set(spec.dates or ()) & set(spec.categories or ()):
            raise TypeError("dates names columns of text")
        if spec.columns and len(spec.columns) != prod(spec.input_shape):
            raise TypeError(f"input_shape is {spec.input_shape}, of {len(spec.columns)} columns")
        if isinstance(spec.channel_axis, int) and not 0 <= spec.channel_axis < len(spec.input_shape):
            raise TypeError(f"channel_axis is {spec.channel_axis}, of rows of shape {spec.input_shape}")
        return spec

    def check_of_arrays(self) -> None:
        """Raise `TypeError` for what a DataModule of a user's own may say of its data, but no arrays have."""
        if self.dtype not in SERVED:
            raise TypeError(f"dtype is '{self.dtype}', of {', '.join(SERVED)}")
        if len(set(self.columns)) < len(self.columns):
            raise TypeError("columns names one twice")
        if too_long := [len(name) for name in self.classes if len(name) > LONGEST_CLASS]:
            raise TypeError(f"classes has a name of {too_long[0]} characters")
        width = self.input_shape[0] if len(self.input_shape) == 1 else 1
        if self.ranges and len(self.ranges) != width:
            raise TypeError(f"ranges has {len(self.ranges)} places, of {width}")


def channel_axis_of(shape: tuple[int, ...], dtype: str, choice: int | str = AUTO) -> int | None:
    """Return the axis of a row along which each place has a mean and a deviation of its own; None: all have the same.

    ``auto`` takes (F,) for columns and (T, F) for steps of F features, whatever their dtype; bytes of at least 8 x 8
    for an image (H, W); more dimensions for channels: last if there are 1, 3 or 4 of them there, else first.
    ``by_dtype`` is what older versions did. Raises `UserError` for an axis that a row doesn't have.
    """
    dimensions = len(shape)
    if choice == ALL:
        return None
    if choice == BY_DTYPE and (dimensions == 2 or (dimensions == 1 and dtype == "uint8")):
        return None
    if choice in (AUTO, BY_DTYPE):
        if dimensions == 2:
            return None if dtype == "uint8" and min(shape) >= _IMAGE_SIDE else 1
        is_last = dimensions == 3 and shape[-1] in (1, 3, 4) and shape[0] not in (1, 3, 4)
        return dimensions - 1 if is_last else 0
    if isinstance(choice, (str, bool)) or not -dimensions <= choice < dimensions:
        raise UserError(
            f"data.channel_axis: expected {AUTO}, {ALL}, or an axis of rows of shape {shape}, from {-dimensions} to "
            f"{dimensions - 1}, got {choice}"
        )
    return choice % dimensions


class Rows(NamedTuple):
    """Rows in stored form and what is to be predicted for them.

    `x` is (N, *input_shape) of any real dtype, usually memory-mapped; `y` is (N,) int64 classes or (N, T) targets,
    float32, or float64 where float32 does not hold them.
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
    lacking: dict[str, int] = field(default_factory=dict)
    """How many training rows lack a number or a text, by the name of the column; counted by the library."""
    left_out: dict[str, str] = field(default_factory=dict)
    """The columns of the file that are neither features nor labels, each with what leaves it out."""
    min_category_rows: int = 1
    """Texts of fewer training rows share one category."""
    beside: Beside = field(default_factory=Beside)
    """What is said of `rows`, and below of the files of their own."""
    val_beside: Beside = field(default_factory=Beside)
    test_beside: Beside = field(default_factory=Beside)
