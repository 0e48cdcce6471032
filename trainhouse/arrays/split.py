"""Which rows train, which validate, which test: decided by a seed and the labels, by nothing else."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from trainhouse.configuration.errors import UserError

SPLITS = ("train", "val", "test")
_CHUNK = 2**16  # rows that are looked at together


def split_rows(
    y: np.ndarray, fractions: Sequence[float], seed: int, fold: int | None = None, folds: int = 5
) -> dict[str, np.ndarray]:
    """Return the sorted row numbers of each split; every row is in exactly one.

    Args:
        y: (N,) int64 classes, which every split gets in the same proportions, or (N, T) targets.
        fractions: of train, val and test; they sum to 1. A fraction of 0 gives an empty split.
        seed: alone decides which rows go where.
        fold: all but the test rows are cut into `folds` parts: this one, counted from 0, validates, the others train.
            The fraction of test alone counts then. None makes no folds.

    Raises `UserError` if a split with a positive fraction, or a fold, would be empty.
    """
    n = len(y)
    edges = np.round(np.cumsum(fractions) * n).astype(int)
    if fold is None:
        stretches, part_of = edges[:2], [0, 1, 2]
    else:
        rest = int(edges[1])
        if rest < folds:
            raise UserError(f"data.folds: {rest} of {n} rows are too few for {folds} folds; use fewer")
        sizes = np.full(folds, rest // folds) + (np.arange(folds) < rest % folds)
        stretches, part_of = np.cumsum(sizes), [int(number == fold) for number in range(folds)] + [2]
    stretch_of = _stretches(y, stretches, np.random.RandomState(seed))
    of_row = np.array(part_of, np.uint8)[stretch_of]
    parts = {name: np.flatnonzero(of_row == place) for place, name in enumerate(SPLITS)}
    for name, fraction in zip(SPLITS, fractions, strict=True):
        if fraction > 0 and len(parts[name]) == 0:
            raise UserError(
                f"data.split: {fraction:g} of {n} rows is none for the {name} split; there is too little data"
            )
    return parts


def _stretches(y: np.ndarray, edges: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """Return for each row (N,) in which stretch of an order it is, which is cut at the `edges`.

    The order holds the classes in about the same proportions everywhere: each row of a class gets a place in [0, 1),
    evenly spaced with a random start, and places are sorted. For targets, which have no classes, it is a random one.
    The order itself is never made: what is kept is 10 bytes a row, or 11 with very many folds.
    """
    shuffled = random.permutation(len(y))
    stretch_of = np.empty(len(y), np.uint8 if len(edges) < 2**8 else np.uint16)
    if y.ndim > 1:
        for number, (start, end) in enumerate(pairwise([0, *edges, len(y)])):
            stretch_of[shuffled[start:end]] = number
        return stretch_of
    counts = np.bincount(y)
    starts = random.random_sample(len(counts))
    cuts = np.stack([_before(int(edge), counts, starts) for edge in edges])
    seen = np.zeros(len(counts), np.int64)
    for first in range(0, len(y), _CHUNK):
        rows = shuffled[first : first + _CHUNK]
        classes = y[rows]
        order = np.argsort(classes, kind="stable")
        here = np.bincount(classes, minlength=len(counts))
        classes = classes[order]
        ranks = np.arange(len(rows)) + np.repeat(seen - np.cumsum(here) + here, here)
        stretch_of[rows[order]] = sum((ranks >= cut[classes]).astype(stretch_of.dtype) for cut in cuts)
        seen += here
    return stretch_of


def _before(edge: int, counts: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return how many rows of each class (C,) are among the first `edge` rows of the order.

    The place of row i of a class is (i + its start) / its count; of rows at one place the lower class comes first. A
    class has as many rows up to any place as that is of its count, but for one: so only rows near the edge are sorted.
    """
    total, classes = int(counts.sum()), len(counts)
    low, high = (
        np.clip(np.floor((edge + slack) / total * counts - starts).astype(np.int64) + 1, 0, counts)
        for slack in (-classes - 2, classes + 2)
    )
    near = high - low
    class_of = np.repeat(np.arange(classes), near)
    rank = np.arange(len(class_of)) + np.repeat(low - np.cumsum(near) + near, near)
    place = (rank + starts[class_of]) / counts[class_of]
    first = np.argsort(place, kind="stable")[: edge - int(low.sum())]
    found: np.ndarray = low + np.bincount(class_of[first], minlength=classes)
    return found
