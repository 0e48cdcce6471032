"""Loaders of every kind give the same batches after a resume as without one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from trainhouse.resuming.digest import digest
from trainhouse.resuming.exact_loaders import exact
from trainhouse.resuming.passes import Passes, Place
from trainhouse.tests.exact_loaders.loaders import LOADERS, ROWS, WITH_WORKERS, Augmented, KnowsItsPlace, generator
from trainhouse.tests.exact_loaders.trained import Run

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch forks a process with threads


def assert_resumed(make: Callable[[], Any], epoch: int, batch: int) -> None:
    whole = Run(make()).train()
    place = Run(make()).train_until(epoch, batch)
    torch.manual_seed(9)  # a new process
    resumed = Run(make())
    assert resumed.resume(place) == [whole[epoch][batch:], *whole[epoch + 1 :]]
    assert not resumed.said


@pytest.mark.parametrize(("epoch", "batch"), [(0, 1), (1, 3), (2, 0)])
@pytest.mark.parametrize("name", LOADERS)
def test_a_resume_gives_the_batches_that_were_left(name: str, epoch: int, batch: int) -> None:
    assert_resumed(LOADERS[name], epoch, batch)


@pytest.mark.parametrize("name", WITH_WORKERS)
def test_workers_give_the_batches_that_were_left(name: str) -> None:
    assert_resumed(WITH_WORKERS[name], 1, 3)


@pytest.mark.parametrize("name", [name for name in LOADERS if name not in ("list",)])
def test_every_epoch_has_another_order_or_other_draws(name: str) -> None:
    first, second, third = Run(LOADERS[name]()).train()
    assert len({tuple(first), tuple(second), tuple(third)}) == 3


def test_the_number_of_workers_decides_nothing_of_map_style_data() -> None:
    without = Run(LOADERS["shuffled"]()).train()
    assert Run(WITH_WORKERS["shuffled"]()).train() == without
    assert Run(WITH_WORKERS["persistent"]()).train() == without


def test_what_training_draws_decides_no_batch() -> None:
    first = Run(LOADERS["shuffled"]()).train()
    torch.manual_seed(3)
    assert Run(LOADERS["shuffled"]()).train() == first


def test_ranks_draw_apart_in_the_same_order() -> None:
    def rows(rank: int) -> tuple[list[float], list[float]]:
        loader = DataLoader(Augmented(), 4, shuffle=True)
        batches = list(exact(loader, Passes(loader, (0, "train", 0), rank, epoch=lambda: 0)))
        return [row for batch in batches for row in batch[:, 0].tolist()], batches[0][:, 1].tolist()

    (order, draws), (other_order, other_draws) = rows(0), rows(1)
    assert order == other_order
    assert draws != other_draws


def test_a_resume_fetches_nothing_before_its_place_but_one_batch_to_compare() -> None:
    read: list[int] = []

    class Reading(Augmented):
        def __getitem__(self, index: int) -> Tensor:
            read.append(index)
            return super().__getitem__(index)

    place = Run(LOADERS["shuffled"]()).train_until(0, 4)
    read.clear()
    Run(DataLoader(Reading(), 4, shuffle=True)).resume(place)
    assert len(read) == (ROWS - 3 * 4) + 2 * ROWS


def test_a_pass_of_which_nothing_was_left_moves_the_generator_on() -> None:
    def make() -> DataLoader:
        return DataLoader(Augmented(), 4, shuffle=True, generator=generator())

    def sized(run: Run) -> list[list[str]]:
        """Iterate as Lightning does: no further than the length says."""
        while run.epoch < 3:
            batches = iter(run.loader)
            run.given.append([digest(next(batches)) for _ in range(len(run.loader))])
            run.epoch += 1
        return run.given

    whole = sized(Run(make()))
    killed = Run(make())
    batches = iter(killed.loader)
    for _ in range(len(killed.loader)):
        next(batches)
    place = Place(0, len(killed.loader), **killed.passes.state(0, len(killed.loader)))
    resumed = Run(make())
    resumed.passes.place, resumed.epoch = place, 1
    assert sized(resumed) == whole[1:]


def test_a_shorter_loader_that_begins_again_within_an_epoch_is_found_at_its_place() -> None:
    def make() -> Run:
        return Run(DataLoader(Augmented(), 4, shuffle=True, drop_last=True), cycles=lambda: True)

    def epoch_of(run: Run, count: int, begin: int = 0) -> list[str]:
        batches, given = iter(run.loader), []
        while len(given) < count - begin:
            try:
                given.append(digest(next(batches)))
            except StopIteration:
                batches = iter(run.loader)
        return given

    whole = epoch_of(make(), 13)
    assert whole[:5] != whole[5:10]
    for batch in (2, 5, 7, 10, 12):
        killed = make()
        epoch_of(killed, batch)
        resumed = make()
        resumed.passes.place = Place(0, batch, **killed.passes.state(0, batch))
        assert epoch_of(resumed, 13, batch) == whole[batch:], batch
        assert not resumed.said


def test_persistent_workers_are_the_same_processes_in_every_epoch_and_end_when_lightning_ends_them() -> None:
    class Named(Augmented):
        def __getitem__(self, index: int) -> Tensor:
            import os

            return torch.tensor(os.getpid())

    loader = DataLoader(Named(), 4, num_workers=2, persistent_workers=True)
    run = Run(loader)
    seen = []
    for run.epoch in range(2):
        seen.append({int(pid) for batch in run.loader for pid in batch})
    assert len(seen[0]) == 2
    assert seen[0] == seen[1]
    workers = run.loader._iterator._workers
    run.loader._iterator._shutdown_workers()  # as `CombinedLoader.reset` does
    run.loader._iterator = None
    assert not any(worker.is_alive() for worker in workers)
    assert loader._iterator is None  # the user's own was never iterated


# What differs is said.


class Stateful(Augmented):
    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def __getitem__(self, index: int) -> Tensor:
        return torch.tensor(self.rng.random())


def test_a_batch_that_is_not_the_one_of_before_is_said() -> None:
    place = Run(DataLoader(Stateful(), 4)).train_until(1, 3)
    resumed = Run(DataLoader(Stateful(), 4))
    resumed.resume(place)
    assert resumed.said == ["gives another batch than before the run was stopped"]


def test_a_first_batch_that_differs_from_that_of_the_preflight_is_said() -> None:
    run = Run(DataLoader(Augmented(), 4))
    run.passes.expected_first = "0" * 16
    run.train(1)
    assert run.said == ["does not give the same first batch twice"]
    again = Run(DataLoader(Augmented(), 4))
    again.passes.expected_first = run.passes.first
    again.train(2)
    assert not again.said


# Validation, test, prediction.


@pytest.mark.parametrize("name", ["shuffled", "drawn one by one", "stream", "not a loader", "own loader"])
def test_every_pass_outside_of_training_is_the_same(name: str) -> None:
    loader = LOADERS[name]()
    front = exact(loader, Passes(loader, (0, "val", 0), rank=0))
    assert [digest(batch) for batch in front] == [digest(batch) for batch in front]
    torch.manual_seed(5)
    loader = LOADERS[name]()
    assert [digest(batch) for batch in exact(loader, Passes(loader, (0, "val", 0), rank=0))] == [
        digest(batch) for batch in front
    ]


def test_a_loader_with_a_state_of_its_own_goes_to_its_place_by_itself() -> None:
    whole = Run(KnowsItsPlace()).train()
    killed = Run(KnowsItsPlace())
    place = killed.train_until(1, 2)
    state = killed.loader.state_dict()
    resumed = Run(KnowsItsPlace())
    resumed.loader.load_state_dict(state)
    assert resumed.resume(place) == [whole[1][2:], whole[2]]
    assert not resumed.said
