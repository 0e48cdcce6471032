"""The computed order of an epoch is a shuffle: every row once, anywhere, next to anyone."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.order import Permutation, mix
from trainhouse.arrays.spec import Dataset, DataSpec, Rows

fixed = settings(derandomize=True, database=None, deadline=None, max_examples=60)
keys = st.integers(0, 2**63 - 1)


def chi_square(values: np.ndarray, cells: int) -> float:
    """How far counts of values in [0, cells) are from equal, in deviations of what chance would give."""
    counts = np.bincount(values, minlength=cells)
    expected = len(values) / cells
    return (((counts - expected) ** 2 / expected).sum() - (cells - 1)) / np.sqrt(2 * (cells - 1))


@given(n=st.integers(1, 3000), key=keys)
@fixed
def test_every_row_comes_exactly_once(n, key):
    rows = Permutation(n, key)(np.arange(n))
    assert rows.dtype == np.int64
    np.testing.assert_array_equal(np.sort(rows), np.arange(n))


@given(n=st.integers(1, 500), key=keys, cuts=st.lists(st.integers(0, 500), max_size=5))
@fixed
def test_any_chunking_gives_the_same_order(n, key, cuts):
    permutation = Permutation(n, key)
    chunks = np.split(np.arange(n), sorted(min(cut, n) for cut in cuts))
    np.testing.assert_array_equal(np.concatenate([permutation(chunk) for chunk in chunks]), permutation(np.arange(n)))


@pytest.mark.parametrize("n", [60_000, 65_536, 65_537])
def test_one_epoch_spreads_rows_evenly_over_its_positions_and_neighbours(n):
    rows = Permutation(n, mix(0, "order", 0))(np.arange(n))
    # The first tenth of the epoch holds rows from everywhere.
    assert abs(chi_square(rows[: n // 10] * 100 // n, 100)) < 5
    # How far apart neighbours are, round the circle of n rows, is anyone's guess.
    assert abs(chi_square(np.diff(rows) % n * 100 // n, 100)) < 5
    assert abs(np.corrcoef(rows[1:], rows[:-1])[0, 1]) < 5 / np.sqrt(n)
    assert abs(np.corrcoef(rows, np.arange(n))[0, 1]) < 5 / np.sqrt(n)


@pytest.mark.parametrize("n", [7, 16, 100])
def test_over_epochs_every_row_comes_equally_often_at_each_place_and_after_each_other_row(n):
    orders = np.array([Permutation(n, mix(0, "order", epoch))(np.arange(n)) for epoch in range(3000)])
    for position in (0, n // 2, n - 1):
        assert abs(chi_square(orders[:, position], n)) < 5
    assert abs(chi_square((orders[:, 1] - orders[:, 0]) % n - 1, n - 1)) < 5


@given(n=st.integers(1, 2**40), key=keys)
@fixed
def test_rows_far_apart_in_a_large_order_are_still_different_rows(n, key):
    positions = np.unique(np.linspace(0, n - 1, 500).astype(np.int64))
    rows = Permutation(n, key)(positions)
    assert len(np.unique(rows)) == len(positions)
    assert 0 <= rows.min() <= rows.max() < n


def test_neighbours_of_one_epoch_are_strangers_in_the_next():
    n = 50_000
    places = [np.argsort(Permutation(n, mix(0, "order", epoch))(np.arange(n))) for epoch in (0, 1)]
    rows = np.argsort(places[0])  # in the first epoch's order
    assert abs(chi_square(np.diff(places[1][rows]) % n * 100 // n, 100)) < 5


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("shuffle", ["rows", "blocks"])
def test_ranks_and_workers_share_an_epoch_without_a_row_twice(shuffle, workers):
    """World sizes of 1, 2 and 3 over 420 rows: the union of the ranks is the whole, whoever fetches."""
    n, x = 420, np.arange(420, dtype=np.float32)[:, None]
    dataset = Dataset(DataSpec("regression", (1,), "float32", 1), Rows(x, x), "rows")
    for world_size in (1, 2, 3):
        seen: list[int] = []
        for rank in range(world_size):
            data = DataModule(dataset, 7, workers, [1, 0, 0], 0, 0, shuffle=shuffle, block_rows=16, window_blocks=4)
            data.trainer = SimpleNamespace(
                global_rank=rank, world_size=world_size, strategy=SimpleNamespace(root_device=torch.device("cpu"))
            )
            served = [int(row) for x, _ in data.train_dataloader() for row in x[:, 0]]
            assert served == [int(row) for x, _ in data.train_batches() for row in x[:, 0]]
            assert len(served) == n // world_size
            seen += served
        assert sorted(seen) == list(range(n))


def test_positions_of_a_data_set_larger_than_memory_are_reached_at_once():
    n = 10**12
    rows = Permutation(n, mix(0, "order", 5))(np.arange(n - 1000, n))
    assert len(np.unique(rows)) == 1000
    assert rows.min() >= 0
    assert rows.max() < n


def test_every_part_of_a_key_counts():
    assert len({mix(0, "order", 0), mix(0, "order", 1), mix(1, "order", 0), mix(0, "dropout", 0)}) == 4


def test_an_order_is_the_same_in_every_version_of_this_program():
    assert Permutation(10, mix(0, "order", 0))(np.arange(10)).tolist() == [1, 7, 3, 6, 9, 4, 5, 0, 2, 8]
