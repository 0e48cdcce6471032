"""The splits are row by row those of the order that earlier versions made: runs of theirs are resumed and evaluated."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainhouse.arrays import split
from trainhouse.arrays.split import SPLITS, split_rows
from trainhouse.configuration.errors import UserError


def order_of(y: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """As it was made then, of 60 bytes a row."""
    shuffled = random.permutation(len(y))
    if y.ndim > 1:
        return shuffled
    by_class = shuffled[np.argsort(y[shuffled], kind="stable")]
    counts = np.bincount(y)
    rank = np.arange(len(y)) - np.repeat(np.cumsum(counts) - counts, counts)
    place = (rank + np.repeat(random.random_sample(len(counts)), counts)) / np.repeat(counts, counts)
    return by_class[np.argsort(place, kind="stable")]


def as_before(y: np.ndarray, fractions: list[float], seed: int, fold: int | None, folds: int) -> list[np.ndarray]:
    ranked = order_of(y, np.random.RandomState(seed))
    edges = [0, *np.round(np.cumsum(fractions) * len(y)).astype(int)]
    parts = [ranked[start:end] for start, end in pairwise(edges)]
    if fold is not None:
        stretches = np.array_split(ranked[: edges[2]], folds)
        val = stretches.pop(fold)
        parts = [np.concatenate(stretches), val, ranked[edges[2] :]]
    return [np.sort(part) for part in parts]


@given(
    y=st.lists(st.integers(0, 6), min_size=20, max_size=300),
    parts=st.lists(st.integers(1, 10), min_size=3, max_size=3),
    seed=st.integers(0, 2**32 - 1),
    fold=st.sampled_from([None, 0, 2]),
    chunk=st.sampled_from([7, 2**16]),
    are_targets=st.booleans(),
)
@settings(derandomize=True, database=None, deadline=None, max_examples=150)
def test_each_split_has_the_rows_that_it_had(y, parts, seed, fold, chunk, are_targets):
    labels = np.array(y)[:, None].astype(np.float32) if are_targets else np.array(y)
    fractions = [part / sum(parts) for part in parts]
    expected = as_before(labels, fractions, seed, fold, 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(split, "_CHUNK", chunk)
        try:
            found = split_rows(labels, fractions, seed, fold, 3)
        except UserError:
            assert any(len(part) == 0 for part in expected)
            return
    for name, rows in zip(SPLITS, expected, strict=True):
        np.testing.assert_array_equal(found[name], rows)


def test_classes_that_are_all_alike_in_size_and_many_have_them_too():
    y = np.random.RandomState(0).permutation(np.repeat(np.arange(500), 40))
    found = split_rows(y, [0.6, 0.2, 0.2], 5)
    for name, rows in zip(SPLITS, as_before(y, [0.6, 0.2, 0.2], 5, None, 3), strict=True):
        np.testing.assert_array_equal(found[name], rows)
