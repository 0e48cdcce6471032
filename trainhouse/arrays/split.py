"""Which rows train, which validate, which test: decided by a seed and the labels, by nothing else."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from trainhouse.configuration.errors import UserError

SPLITS = ("train", "val", "test")


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
    ranked = _proportional_order(y, np.random.RandomState(seed))
    edges = [0, *np.round(np.cumsum(fractions) * n).astype(int)]
    if fold is None:
        parts = [ranked[start:end] for start, end in pairwise(edges)]
    else:
        rest = int(edges[2])
        if rest < folds:
            raise UserError(f"data.folds: {rest} of {n} rows are too few for {folds} folds; use fewer")
        stretches = np.array_split(ranked[:rest], folds)  # each holds the classes in proportion, as `ranked` does
        val = stretches.pop(fold)
        parts = [np.concatenate(stretches), val, ranked[rest:]]
    for name, fraction, part in zip(SPLITS, fractions, parts, strict=True):
        if fraction > 0 and len(part) == 0:
            raise UserError(
                f"data.split: {fraction:g} of {n} rows is none for the {name} split; there is too little data"
            )
    return {name: np.sort(part) for name, part in zip(SPLITS, parts, strict=True)}


def _proportional_order(y: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """An order of all rows in which every stretch holds the classes in about the same proportions.

    Each row of a class gets a place in [0, 1), evenly spaced with a random start; sorted by place, the
    classes are interleaved. For targets, which have no classes, this is a random order.
    """
    shuffled = random.permutation(len(y))
    if y.ndim > 1:
        return shuffled
    by_class = shuffled[np.argsort(y[shuffled], kind="stable")]
    counts = np.bincount(y)
    rank = np.arange(len(y)) - np.repeat(np.cumsum(counts) - counts, counts)
    place = (rank + np.repeat(random.random_sample(len(counts)), counts)) / np.repeat(counts, counts)
    return by_class[np.argsort(place, kind="stable")]
