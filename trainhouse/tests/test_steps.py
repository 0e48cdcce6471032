"""Loaders whose steps have the same rows, whoever takes them."""

from typing import Any

import pytest
import torch
from lightning.fabric.utilities.distributed import DistributedSamplerWrapper
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    DistributedSampler,
    RandomSampler,
    SubsetRandomSampler,
    TensorDataset,
)

from trainhouse.resuming.steps import step_of, with_step


def loaders(ranks: int, kind: str) -> list[DataLoader[Any]]:
    """Return each rank's loader with steps of 12 rows, as Lightning shares it out; of one rank as it was."""
    data = TensorDataset(torch.arange(48))
    made = []
    for rank in range(ranks):
        sampler: Any = SubsetRandomSampler(range(48)) if kind == "own order" else RandomSampler(data)
        if ranks > 1 and kind == "own order":
            sampler = DistributedSamplerWrapper(sampler, num_replicas=ranks, rank=rank, shuffle=False)
        elif ranks > 1:
            sampler = DistributedSampler(data, ranks, rank, seed=0)
        made.append(DataLoader(data, 5 if ranks == 3 else 12 // ranks, sampler=sampler))
    return made


def rows_of_steps(made: list[DataLoader[Any]]) -> list[list[int]]:
    given = []
    for loader in made:
        torch.manual_seed(0)  # as a pass is seeded, on every rank
        given.append([batch[0].tolist() for batch in loader])
    return [sorted(row for part in parts for row in part) for parts in zip(*given, strict=True)]


@pytest.mark.parametrize("kind", ["shuffled", "own order"])
@pytest.mark.parametrize(("then", "now"), [(2, 1), (1, 2), (2, 3), (4, 2)])
def test_loaders_keep_their_order_and_the_rows_of_a_step(then: int, now: int, kind: str) -> None:
    before = loaders(then, kind)
    step = step_of(before[0], then)
    several = "several" if kind == "own order" else "several 0 1 0"
    assert step == (12, "alone" if then == 1 else several)
    after = [with_step(loader, step, now) for loader in loaders(now, kind)]
    assert [loader.batch_size for loader in after] == [12 // now] * now
    assert rows_of_steps(after) == rows_of_steps(before)
    again = [with_step(loader, step_of(after[0], now), then) for loader in loaders(then, kind)]
    assert rows_of_steps(again) == rows_of_steps(before)


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_sampler_of_the_users_own_seed_keeps_its_order_where_one_rank_has_none(shuffle: bool) -> None:
    data = TensorDataset(torch.arange(48))
    shares = [DistributedSampler(data, 2, rank, seed=7, shuffle=shuffle) for rank in range(2)]
    before = [DataLoader(data, 6, sampler=share) for share in shares]
    step, alone = step_of(before[0], 2), DataLoader(data, 6, shuffle=True)
    after = with_step(alone, step, 1)
    for loader in (*before, after):
        loader.sampler.set_epoch(3)  # type: ignore[attr-defined]
    assert rows_of_steps([after]) == rows_of_steps(before)
    assert step_of(after, 1) == step


def test_nobody_knows_the_order_of_a_sampler_of_the_users_own_class() -> None:
    class Own(DistributedSampler):  # type: ignore[type-arg]
        """Takes rows in blocks."""

    data = TensorDataset(torch.arange(48))
    assert step_of(DataLoader(data, 6, sampler=Own(data, 2, 0)), 2) == (12, "")


def test_what_nobody_knows_the_steps_of_is_left_as_it_is() -> None:
    class Pairs(BatchSampler):
        """Of a user's own."""

    rows = TensorDataset(torch.arange(6))
    own = DataLoader(rows, batch_sampler=Pairs(SubsetRandomSampler(range(6)), 2, False))
    for loader in (own, DataLoader(rows, batch_size=None), [1, 2, 3]):
        assert step_of(loader, 2) == (None, "")
        assert with_step(loader, (4, "several"), 1) is loader
    few = DataLoader(rows, 2, sampler=RandomSampler(rows, num_samples=4))
    assert step_of(few, 1) == (2, "")
    drawing = DataLoader(rows, 2, shuffle=True, generator=torch.Generator())
    assert step_of(drawing, 1) == (2, "")
    assert with_step(drawing, (3, ""), 2) is drawing  # no equal shares
    assert with_step(drawing, (2, ""), 2).batch_size == 1
