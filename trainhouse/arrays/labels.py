"""Turns labels as they are written into labels as they are learned: classes 0 ... C-1, or targets."""

from typing import NamedTuple

import numpy as np

from trainhouse.arrays.digits import shown_within
from trainhouse.arrays.few_values import values_of
from trainhouse.arrays.moments import needs_float64
from trainhouse.arrays.readings import Distinct, no_classes, refuse_text_among_numbers, refuse_written_numbers
from trainhouse.arrays.spec import LONGEST_CLASS, DataSpec, TaskName
from trainhouse.arrays.texts import class_of, is_number
from trainhouse.arrays.unlabelled import number_of
from trainhouse.arrays.whole_numbers import refuse_too_large
from trainhouse.configuration.errors import UserError

_MANY_BYTES = 2**24  # of labels, from where on they stay in their file, which all processes of a machine share
_FAR_TARGET = 1024  # deviations from 0 to the mean: to there float32 moves a target by 3e-5 of one, no more


class Coding(NamedTuple):
    """How the labels of a data set are learned, in all of its files: as places among its classes, or as targets."""

    classes: np.ndarray | None
    """None for targets."""
    is_multilabel: bool = False

    @classmethod
    def of(
        cls, labels: np.ndarray, task: TaskName, like: DataSpec | None, source: str, has_label: np.ndarray | None = None
    ) -> "Coding":
        """Find the classes among labels (N,), or take those of earlier data, whose spec is `like`.

        Messages number rows as in their file, where the labels are those of the rows that `has_label`.
        """
        if task != "classification":
            return cls(None, task == "multilabel")
        return cls(known_classes(like, labels) if like else find_classes(labels, source, has_label))

    def encode(self, labels: np.ndarray, source: str, has_label: np.ndarray | None = None) -> np.ndarray:
        """Return what is learned: (N,) int64, or targets (N, T)."""
        if self.is_multilabel:
            return encode_several(labels, source, has_label)
        if self.classes is None:
            return encode_targets(labels, source, has_label)
        return encode_classes(labels, self.classes, source, has_label)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes; none for targets."""
        return () if self.classes is None else class_names(self.classes)

    def outputs(self, encoded: np.ndarray) -> int:
        """Return the number of classes, or of the targets that are `encoded`."""
        return encoded.shape[1] if self.classes is None else len(self.classes)


def find_classes(labels: np.ndarray, source: str, has_label: np.ndarray | None = None) -> np.ndarray:
    """Return the sorted distinct labels of shape (N,). Raises `UserError` if they can't be classes."""
    if labels.ndim != 1:
        raise UserError(
            f"{source}: labels have shape {labels.shape}; classes need shape (N,), one label a row "
            "(for several targets set data.task=regression)"
        )
    if labels.dtype.kind == "f":
        fraction = ~np.isfinite(labels) | (labels != np.floor(labels))
        _refuse_row(fraction, labels, source, "is not a whole number, so it is not a class", has_label)
    classes = values_of(labels).values
    if labels.dtype.kind in "if" and not np.array_equal(classes, -classes[::-1]):  # as -1, 0, 1, which were asked about
        why = "is negative; classes are numbered from 0 (for amounts set data.task=regression)"
        _refuse_row(labels < 0, labels, source, why, has_label)
    if len(classes) < 2:
        raise UserError(f"{source}: there is only one class ({classes[0]!s}), nothing to tell apart")
    if len(classes) > max(50, len(labels) // 2):
        are_texts = labels.dtype.kind == "U" and not all(map(is_number, classes.tolist()))
        way = "name another column" if are_texts else "set data.task=regression"
        raise UserError(f"{source}: {no_classes(len(classes), len(labels))}; {way}")
    if classes.dtype.kind == "U" and (length := int(np.char.str_len(classes).max())) > LONGEST_CLASS:
        raise UserError(f"{source}: a label has {length:,} characters; a class has a name of at most {LONGEST_CLASS:,}")
    return classes


def encode_classes(
    labels: np.ndarray, classes: np.ndarray, source: str, has_label: np.ndarray | None = None
) -> np.ndarray:
    """Return int64 positions in `classes`. Raises `UserError` for a label that is not among them."""
    if labels.ndim != 1:
        raise UserError(f"{source}: labels have shape {labels.shape}, expected (N,)")
    if classes.dtype.kind == "U" and labels.dtype.kind in "biuf":
        labels = np.array([f"{label:g}" for label in labels])
    known = f"is not one of the {len(classes)} classes ({class_names(classes)[0]} ... {class_names(classes)[-1]})"
    if classes.dtype.kind == "U":  # of the same meaning, as categories are
        texts, places = np.unique(labels, return_inverse=True)
        names = tuple(classes.tolist())
        codes = np.array([class_of(text, names) for text in texts.tolist()])[places]
        _refuse_row(codes < 0, labels, source, known, has_label)
        return codes.astype(np.int64)
    if _are_codes(labels, classes):
        return labels if labels.nbytes >= _MANY_BYTES else labels.copy()
    order = np.argsort(classes)
    positions = order[np.minimum(np.searchsorted(classes, labels, sorter=order), len(classes) - 1)]
    _refuse_row(classes[positions] != labels, labels, source, known, has_label)
    return positions.astype(np.int64)


def _are_codes(labels: np.ndarray, classes: np.ndarray) -> bool:
    """Whether the labels are positions in `classes` as they are stored."""
    is_stored_so = labels.dtype == np.int64 and classes.dtype.kind in "iu" and labels.flags.c_contiguous
    are_counted = is_stored_so and np.array_equal(classes, np.arange(len(classes)))
    return are_counted and len(labels) > 0 and labels.min() >= 0 and labels.max() < len(classes)


def known_classes(like: DataSpec, labels: np.ndarray) -> np.ndarray:
    """Return the classes of an earlier data set in the dtype of `labels`, in the order of their codes.

    A name that is no number can't be compared with numbers: labels are then compared as text.
    """
    names = np.array(like.classes)
    # Whole numbers first as what they are: float64 can't tell those above 2^53 apart.
    kinds = {
        "i": (np.int64, np.float64),
        "u": (np.uint64, np.int64, np.float64),
        "b": (np.float64,),
        "f": (np.float64,),
    }
    for kind in kinds.get(labels.dtype.kind, ()):
        try:
            numbers = names.astype(kind)
        except (ValueError, OverflowError):
            continue
        return numbers if np.isfinite(numbers).all() else names
    return names


def class_names(classes: np.ndarray) -> tuple[str, ...]:
    """Return the classes as text: ``3``, not ``3.0``, for labels stored as floats."""
    return tuple(str(int(label)) if classes.dtype.kind in "fb" else str(label) for label in classes)


def refuse_constant(targets: np.ndarray, source: str) -> None:
    """Raise `UserError` if one of the targets (N, T) is the same in every row."""
    if len(targets) > 1 and len(constant := np.flatnonzero((targets == targets[0]).all(axis=0))):
        which = "the target" if targets.shape[1] == 1 else f"target {constant[0]}"
        value = float(targets[0, constant[0]])
        raise UserError(
            f"{source}: {which} is {shown_within(value, value, value)} in every row, so there is nothing to learn"
        )


def encode_targets(labels: np.ndarray, source: str, has_label: np.ndarray | None = None) -> np.ndarray:
    """Return targets of shape (N, T), in float64 where float32 would round away what tells them apart.

    Raises `UserError` for a target that is not finite, and for whole ones that float64 does not tell apart.
    """
    if labels.ndim == 1 and labels.dtype.kind == "U":
        found = Distinct.of(labels, source, has_label)
        refuse_text_among_numbers(found, "leave it out")
        refuse_written_numbers(found)
    if labels.ndim not in (1, 2) or labels.dtype.kind not in "biuf":
        raise UserError(
            f"{source}: targets are {labels.dtype} of shape {labels.shape}, expected numbers (N,) or (N, T)"
        )
    with np.errstate(over="ignore"):  # a number too large for float32 is refused as infinite
        targets = labels.reshape(len(labels), -1).astype(np.float32)
    _refuse_row(np.any(~np.isfinite(targets), axis=1), labels, source, "is not a finite number", has_label)
    exact = labels.reshape(targets.shape)
    if exact.dtype == np.float32 and exact.nbytes >= _MANY_BYTES:
        return exact
    for column in exact.T if exact.dtype.kind in "iu" else ():
        refuse_too_large(column, source)
    return exact.astype(np.float64) if needs_float64(exact, far=_FAR_TARGET) else targets


def encode_several(labels: np.ndarray, source: str, has_label: np.ndarray | None = None) -> np.ndarray:
    """Return labels (N, K) that may be true together as float32, 0 or 1. Raises `UserError` for anything else."""
    if labels.ndim != 2 or labels.shape[1] < 2 or labels.dtype.kind not in "biuf":
        raise UserError(
            f"{source}: labels are {labels.dtype} of shape {labels.shape}; data.task=multilabel takes several columns "
            "of 0 and 1, one for each label"
        )
    wrong = ((labels != 0) & (labels != 1)).any(axis=1)
    _refuse_row(wrong, labels, source, "is not 0 or 1 in each column", has_label)
    return labels.astype(np.float32)


def _refuse_row(
    wrong: np.ndarray, labels: np.ndarray, source: str, why: str, has_label: np.ndarray | None = None
) -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        raise UserError(
            f"{source}: the label in row {number_of(rows[0], has_label)} is {labels[rows[0]]!s}, which {why} "
            f"({len(rows)} such rows)"
        )
