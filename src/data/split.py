"""Which rows train, which validate, which test: decided by a seed and the labels, by nothing else."""

from collections.abc import Sequence

import numpy as np

from src.utils.errors import UserError

SPLITS = ("train", "val", "test")


def split_rows(y: np.ndarray, fractions: Sequence[float], seed: int) -> dict[str, np.ndarray]:
    """Return the sorted row numbers of each split; every row is in exactly one.

    Args:
        y: (N,) int64 classes, which every split gets in the same proportions, or (N, T) targets.
        fractions: of train, val and test; they sum to 1. A fraction of 0 gives an empty split.
        seed: alone decides which rows go where.

    Raises `UserError` if a split with a positive fraction would be empty.
    """
    n = len(y)
    edges = [0, *np.round(np.cumsum(fractions) * n).astype(int)]
    ranked = _proportional_order(y, np.random.RandomState(seed))
    splits = {}
    for name, fraction, start, end in zip(SPLITS, fractions, edges, edges[1:], strict=False):
        if fraction > 0 and start == end:
            raise UserError(
                f"data.split: {fraction:g} of {n} rows is none for the {name} split; there is too little data"
            )
        splits[name] = np.sort(ranked[start:end])
    return splits


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
