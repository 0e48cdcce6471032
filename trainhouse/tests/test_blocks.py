"""Blocks of rows in any order: every row once, any position reached at once, each block read once in one piece."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainhouse.arrays.array_file import open_array
from trainhouse.arrays.batches import Batches
from trainhouse.arrays.blocks import BlockOrder, Windows
from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.spec import Dataset, DataSpec, Rows
from trainhouse.tests.test_order import chi_square

fixed = settings(derandomize=True, database=None, deadline=None, max_examples=40)


def whole(order: BlockOrder) -> np.ndarray:
    return np.concatenate([order.rows(window)[start:stop] for window, start, stop in order.pieces(0, order.n)])


@given(n=st.integers(1, 200), block=st.integers(1, 40), window=st.integers(1, 9), key=st.integers(0, 2**63 - 1))
@fixed
def test_every_row_comes_exactly_once_and_each_window_whole(n, block, window, key):
    order = BlockOrder(n, block, window, key)
    np.testing.assert_array_equal(np.sort(whole(order)), np.arange(n))
    pieces = order.pieces(0, n)
    assert [number for number, *_ in pieces] == list(range(-(-n // (block * window))))
    assert all((start, stop) == (0, len(order.rows(number))) for number, start, stop in pieces)
    assert all(len(np.unique(order.rows(number) // block)) <= window for number, *_ in pieces)


@given(
    n=st.integers(1, 200), block=st.integers(1, 40), window=st.integers(1, 9), key=st.integers(0, 99), data=st.data()
)
@fixed
def test_any_stretch_of_positions_is_reached_at_once(n, block, window, key, data):
    order = BlockOrder(n, block, window, key)
    start, stop = sorted(data.draw(st.lists(st.integers(0, n), min_size=2, max_size=2, unique=True)))
    found = [order.rows(number)[first:end] for number, first, end in order.pieces(start, stop)]
    np.testing.assert_array_equal(np.concatenate(found), whole(order)[start:stop])


def test_blocks_and_rows_of_a_window_come_evenly_in_any_order():
    orders = np.array([whole(BlockOrder(60, 6, 5, 0, "order", epoch)) for epoch in range(1500)])
    for position in (0, 29, 30, 59):
        assert abs(chi_square(orders[:, position], 60)) < 5
    apart = (orders[:, 1] // 6 - orders[:, 0] // 6) % 10
    share = 5 / 29  # of the 29 other rows of the window that are of the same block
    assert abs((apart == 0).mean() - share) < 5 * np.sqrt(share / 1500)
    assert abs(chi_square(apart[apart > 0] - 1, 9)) < 5


def test_the_block_that_is_not_whole_stands_anywhere():
    places = {int(np.argmax(whole(BlockOrder(21, 4, 2, epoch)) == 20)) for epoch in range(200)}
    assert places == {*range(5), *range(8, 13), *range(16, 21)}, "its window has 5 rows, the others 8"


@pytest.mark.parametrize("rest", [0, 3])
def test_a_large_order_needs_no_memory_that_grows_with_it(rest):
    order = BlockOrder(10**12 + rest, 256, 64, 0)
    (window, start, stop), *others = order.pieces(10**12 - 100, 10**12)
    assert sum(end - first for _, first, end in [(window, start, stop), *others]) == 100
    assert len(np.unique(order.rows(window))) == len(order.rows(window)) <= 256 * 64


ROWS, COUNT = 503, 2
SPEC = DataSpec("classification", (COUNT,), "float32", 2, ("0", "1"))


@pytest.fixture
def rows(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(ROWS * COUNT, dtype=np.float32).reshape(ROWS, COUNT))
    return Rows(open_array(tmp_path / "x.npy", "data.features"), np.arange(ROWS) % 2)


def numbers(batches) -> list[int]:
    for x, y in batches:
        assert torch.equal(x[:, 0] / COUNT % 2, y)
    return [int(number) for x, _ in batches for number in x[:, 0] / COUNT]


@pytest.mark.parametrize("indices", [None, np.arange(0, ROWS, 2), np.arange(100, 400)])
def test_a_mapped_file_and_an_array_in_memory_give_the_same_batches(rows, indices):
    blocks = (16, 4)
    mapped, held = (Batches(each, indices, 7, 3, blocks=blocks) for each in (rows, Rows(np.array(rows.x), rows.y)))
    assert numbers(mapped) == numbers(held)
    assert sorted(numbers(mapped)) == (np.arange(ROWS) if indices is None else indices).tolist()
    for key in [(2, 5), (0, 1), (2, 5), (1, 9)]:  # in any order, also across windows
        asked = mapped[key][0]
        assert (asked[:, 0] / COUNT).int().tolist() == mapped.row_numbers(*key).tolist()
        assert torch.equal(asked, Batches(rows, indices, 7, 3, blocks=blocks)[key][0])


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_ranks_share_an_epoch_and_read_windows_of_their_own(rows, world_size):
    ranks = [Batches(rows, None, 7, 0, rank=r, world_size=world_size, blocks=(8, 4)) for r in range(world_size)]
    shares = [numbers(rank) for rank in ranks]
    assert {len(share) for share in shares} == {ROWS // world_size}
    together = [number for share in shares for number in share]
    assert together == numbers(Batches(rows, None, 7, 0, blocks=(8, 4)))[: len(together)]


def test_workers_serve_the_batches_that_one_process_serves(rows):
    def served(workers: int) -> list[list[int]]:
        dataset = Dataset(SPEC, rows, "rows")
        data = DataModule(dataset, 9, workers, [0.8, 0.1, 0.1], 0, 0, shuffle="blocks", block_rows=8, window_blocks=3)
        loader, epochs = data.train_dataloader(), []
        for data.cursor.epoch in (0, 1):
            epochs.append(numbers(list(loader)))
        return epochs

    alone = served(0)
    assert alone == served(2)
    assert alone[0] != alone[1]
    assert sorted(alone[0]) == sorted(alone[1])


class Counted:
    """An array that notes which rows are read."""

    def __init__(self, x: np.ndarray) -> None:
        self.x, self.dtype, self.shape, self.reads = x, x.dtype, x.shape, []

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, asked):
        self.reads.append(asked)
        return self.x[asked]


def test_each_block_is_read_once_and_in_one_piece():
    x = Counted(np.arange(64))
    windows = Windows(x, None, block_rows=8, window_blocks=2, seed=0)
    found = [windows.read(0, start, start + 4) for start in range(0, 64, 4)]
    assert sorted((read.start, read.stop) for read in x.reads) == [(start, start + 8) for start in range(0, 64, 8)]
    for rows, expected in found:
        np.testing.assert_array_equal(rows, expected)


def test_what_is_done_to_a_batch_leaves_the_window_as_it_is(rows):
    batches = Batches(rows, None, 5, 0, blocks=(8, 4))
    batches[0, 0][0].zero_()
    assert batches[0, 0][0].any()


@pytest.mark.parametrize("block_rows", [10, 11, 10**30])
def test_blocks_larger_than_the_data_are_one_block(block_rows):
    order = BlockOrder(10, block_rows, 10**30, 0)
    assert sorted(order.rows(0)) == list(range(10))
    assert order.pieces(0, 10) == [(0, 0, 10)]
