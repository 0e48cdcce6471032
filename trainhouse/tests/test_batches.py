"""Which rows come in which batch: a function of seed, epoch and rank, whoever fetches them."""

from itertools import islice

import numpy as np
import pytest
import torch

from trainhouse.arrays.batches import Batches, Cursor, EveryRow
from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.spec import Dataset, DataSpec, Rows

COUNT = 500
ROWS = Rows(np.arange(COUNT * 2, dtype=np.float32).reshape(COUNT, 2), np.arange(COUNT) % 2)
SPEC = DataSpec("classification", (2,), "float32", 2, ("0", "1"))


def datamodule(num_workers: int = 0, batch_size: int = 3, seed: int = 0) -> DataModule:
    return DataModule(Dataset(SPEC, ROWS, "rows"), batch_size, num_workers, [0.8, 0.1, 0.1], split_seed=0, seed=seed)


def row_numbers(batches) -> list[int]:
    return [int(number) for x, _ in batches for number in x[:, 0] / 2]


def test_workers_serve_the_batches_that_one_process_serves():
    served = []
    for workers in (0, 2):
        data = datamodule(workers)
        loader = data.train_dataloader()
        epochs = []
        for data.cursor.epoch in (0, 1):
            epochs += list(loader)
        served.append(epochs)
    assert len(served[0]) == len(served[1])
    for (x, y), (other_x, other_y) in zip(*served, strict=True):
        assert torch.equal(x, other_x)
        assert torch.equal(y, other_y)


def test_an_epoch_has_every_training_row_once_in_another_order_than_the_next_epoch():
    data = datamodule(batch_size=9)
    first = row_numbers(data.train_dataloader())
    data.cursor.epoch = 1
    second = row_numbers(data.train_dataloader())
    assert len(first) == 400
    assert sorted(first) == sorted(second)
    assert first not in (second, sorted(first))


def test_the_seed_decides_the_order_and_not_the_rows():
    first, second = (row_numbers(datamodule(batch_size=9, seed=seed).train_dataloader()) for seed in (0, 1))
    assert first != second
    assert sorted(first) == sorted(second)


def test_a_single_row_at_the_end_is_left_out_of_training_but_not_of_evaluation():
    """Batch normalisation can't train on one row; a metric has to count it."""
    training, evaluation = Batches(ROWS, None, 499, shuffle_seed=0), Batches(ROWS, None, 499)
    assert [len(y) for _, y in training] == [499]
    assert [len(y) for _, y in evaluation] == [499, 1]
    assert [len(y) for _, y in Batches(ROWS, np.arange(1), 8, shuffle_seed=0)] == [1]


@pytest.mark.parametrize("start", [1, 64, 100])
def test_a_cursor_within_an_epoch_continues_where_the_whole_epoch_would_be(start):
    data = datamodule()
    data.cursor.epoch = 2
    whole = row_numbers(data.train_dataloader())
    data.cursor.batch = start
    assert row_numbers(data.train_dataloader()) == whole[start * 3 :]


def test_a_batch_is_the_same_in_whatever_order_batches_are_asked_for():
    batches = Batches(ROWS, None, 3, shuffle_seed=0)
    keys = [(epoch, batch) for epoch in range(3) for batch in (0, 63, 64, 166)]
    asked = {key: batches[key][0] for key in keys}
    for key in reversed(keys):
        assert torch.equal(Batches(ROWS, None, 3, shuffle_seed=0)[key][0], asked[key])
        assert torch.equal(batches[key][0], asked[key])


def test_evaluation_batches_come_in_stored_order_and_the_last_may_be_smaller():
    batches = list(datamodule(batch_size=64).eval_batches("all"))
    assert [len(x) for x, _ in batches] == [64] * 7 + [52]
    assert row_numbers(batches) == list(range(COUNT))


@pytest.mark.parametrize("shuffle_seed", [None, 0])
@pytest.mark.parametrize(("world_size", "left_out"), [(2, 0), (3, 2), (7, 3)])
def test_ranks_share_the_rows_of_an_epoch_equally(shuffle_seed, world_size, left_out):
    shares = [
        row_numbers(Batches(ROWS, None, 8, shuffle_seed, rank=rank, world_size=world_size))
        for rank in range(world_size)
    ]
    assert {len(share) for share in shares} == {COUNT // world_size}
    together = [number for share in shares for number in share]
    assert len(set(together)) == len(together) == COUNT - left_out


@pytest.mark.parametrize("world_size", [1, 2])
def test_every_rank_has_as_many_batches_as_its_length_says(world_size):
    batches = Batches(ROWS, np.arange(101), 10, 0, world_size=world_size)
    assert len(list(batches)) == len(batches)


@pytest.mark.parametrize(("stored", "served"), [("uint8", torch.uint8), ("float64", torch.float32)])
def test_bytes_stay_bytes_and_all_else_is_float32(stored, served):
    rows = Rows(np.ones((5, 2, 2), stored), np.zeros((5, 3), np.float32))
    (x, y), *_ = Batches(rows, None, 4)
    assert (x.dtype, x.shape) == (served, (4, 2, 2))
    assert (y.dtype, y.shape) == (torch.float32, (4, 3))


def test_what_is_done_to_a_batch_leaves_the_data_as_they_are():
    rows = Rows(np.ones((6, 2), np.float32), np.zeros(6, np.int64))
    for x, _ in islice(Batches(rows, None, 3), 2):
        x.zero_()
    assert rows.x.all()


def test_a_cursor_that_moves_during_an_epoch_does_not_disturb_it():
    cursor = Cursor()
    seen = 0
    for _ in Batches(ROWS, None, 50, 0, cursor):
        cursor.batch += 1
        seen += 1
    assert seen == 10


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7])
def test_ranks_evaluate_every_row_once_in_equally_many_batches_of_at_least_one(batch_size: int) -> None:
    for total in (2, 5, 7, 129, 130, 257, 385):
        for ranks in (1, 2, 3):
            if total < ranks:
                continue
            numbers = np.arange(COUNT)[:total]
            made = [EveryRow("rows", ROWS, numbers, batch_size, rank=rank, world_size=ranks) for rank in range(ranks)]
            sizes = [[len(x) for x, _ in batches] for batches in made]
            assert sorted(row for batches in made for row in row_numbers(batches)) == list(range(total))
            assert [len(batches) for batches in made] == [len(of_rank) for of_rank in sizes]
            assert all(0 < size <= batch_size for of_rank in sizes for size in of_rank)
            if batch_size > 1:
                assert len({len(of_rank) for of_rank in sizes}) == 1
