"""Finds the different values among very many labels, if they are few whole numbers: in no memory, without sorting."""

from typing import NamedTuple

import numpy as np

_MANY = 2**20  # labels; fewer are sorted as fast
_RANGE = 2**10  # from the least value to the greatest
_CHUNK = 2**18


class Values(NamedTuple):
    """Different values (V,) in their order, the number of the first label of each, and of how many labels it is."""

    values: np.ndarray
    first: np.ndarray
    counts: np.ndarray


def values_of(labels: np.ndarray) -> Values:
    """Return the values of labels (N,) of any type, as `numpy.unique` finds them."""
    return _few(labels) or Values(*np.unique(labels, return_index=True, return_counts=True))


def _few(labels: np.ndarray) -> Values | None:
    if len(labels) < _MANY or labels.dtype.kind not in "iu" or labels.dtype == np.uint64:
        return None
    least = int(labels.min())
    size = int(labels.max()) - least + 1
    if size > _RANGE:
        return None
    counts, first = np.zeros(size, np.int64), np.zeros(size, np.int64)
    for start in range(0, len(labels), _CHUNK):
        part = labels[start : start + _CHUNK].astype(np.int64) - least
        here = np.bincount(part, minlength=size)
        for value in np.flatnonzero((counts == 0) & (here > 0)).tolist():
            first[value] = start + int(np.argmax(part == value))
        counts += here
    there = np.flatnonzero(counts)
    return Values((there + least).astype(labels.dtype), first[there], counts[there])
