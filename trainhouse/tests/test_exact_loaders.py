"""Loaders of every kind give the same batches after a resume as without one, and look like what they stand for."""

import random
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    TensorDataset,
    WeightedRandomSampler,
    get_worker_info,
)

from trainhouse.resuming.digest import digest
from trainhouse.resuming.exact_loaders import exact
from trainhouse.resuming.passes import Passes, Place

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch forks a process with threads

ROWS = 22


class Augmented(Dataset):
    """Rows whose noise is drawn when they are read, by all three libraries."""

    def __len__(self) -> int:
        return ROWS

    def __getitem__(self, index: int) -> Tensor:
        return torch.tensor([float(index), torch.rand(()).item(), np.random.rand(), random.random()])


class WholeBatches(Augmented):
    """With one call for all rows of a batch."""

    def __getitems__(self, indices: list[int]) -> list[Tensor]:
        noise = torch.rand(len(indices), 3)
        return [torch.tensor([float(index), *row.tolist()]) for index, row in zip(indices, noise, strict=True)]


class ManyRows(Augmented):
    """Without automatic batches: an item is a batch."""

    def __getitem__(self, indices: Any) -> Tensor:
        return torch.stack([super(ManyRows, self).__getitem__(index) for index in indices])


class Stream(IterableDataset):
    """Rows without a place, shared out among workers."""

    first, step = 0, 1

    def __iter__(self) -> Iterator[Tensor]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (self.first, self.step)
        for index in range(first, ROWS, step):
            yield torch.tensor([float(index), torch.rand(()).item(), random.random()])


class ShardedFromOutside(Stream):
    """The parts are given out by `worker_init_fn`, as torch's documentation has it."""

    def __iter__(self) -> Iterator[Tensor]:
        for index in range(self.first, ROWS, self.step):
            yield torch.tensor([float(index), torch.rand(()).item()])


def share_out(worker_id: int) -> None:
    worker = get_worker_info()
    assert worker is not None
    worker.dataset.first, worker.dataset.step = worker_id, worker.num_workers


class NumpyOrder(Sampler[int]):
    """An order drawn by a numpy generator of the sampler's own."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(5)

    def __len__(self) -> int:
        return ROWS

    def __iter__(self) -> Iterator[int]:
        yield from self.rng.permutation(ROWS).tolist()


class PythonOrder(NumpyOrder):
    def __init__(self) -> None:
        self.rng = random.Random(5)  # type: ignore[assignment]

    def __iter__(self) -> Iterator[int]:
        yield from self.rng.sample(range(ROWS), ROWS)  # type: ignore[attr-defined]


class DrawnOneByOne(Sampler[int]):
    """As samplers with replacement for endless data do."""

    def __len__(self) -> int:
        return ROWS

    def __iter__(self) -> Iterator[int]:
        for _ in range(ROWS):
            yield int(torch.randint(ROWS, ()))


class OwnLoader(DataLoader):
    """A loader whose author changes what it gives."""

    def __iter__(self) -> Iterator[Any]:
        for batch in super().__iter__():
            yield {"batch": batch, "scale": torch.rand(())}


class NotALoader:
    """Whatever can be iterated is a loader to Lightning."""

    batch_size = 4

    def __len__(self) -> int:
        return 6

    def __iter__(self) -> Iterator[Tensor]:
        for _ in range(6):
            yield torch.rand(4, 2)


def noisy(rows: list[Tensor]) -> Tensor:
    return torch.stack(rows) + torch.rand(())


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)


LOADERS: dict[str, Callable[[], Any]] = {
    "shuffled": lambda: DataLoader(Augmented(), 4, shuffle=True),
    "one by one": lambda: DataLoader(Augmented(), batch_size=1, shuffle=True),
    "whole batches": lambda: DataLoader(WholeBatches(), 4, shuffle=True, drop_last=True),
    "no batches": lambda: DataLoader(Augmented(), batch_size=None, shuffle=True),
    "batch sampler": lambda: DataLoader(
        Augmented(), batch_sampler=BatchSampler(RandomSampler(range(ROWS)), 5, drop_last=False)
    ),
    "batch sampler as sampler": lambda: DataLoader(
        ManyRows(), batch_size=None, sampler=BatchSampler(RandomSampler(range(ROWS)), 5, drop_last=True)
    ),
    "weighted": lambda: DataLoader(Augmented(), 4, sampler=WeightedRandomSampler([1.0] * ROWS, ROWS)),
    "drawn one by one": lambda: DataLoader(Augmented(), 4, sampler=DrawnOneByOne()),
    "generator": lambda: DataLoader(Augmented(), 4, shuffle=True, generator=generator()),
    "sampler's generator": lambda: DataLoader(
        Augmented(), 4, sampler=RandomSampler(range(ROWS), replacement=True, generator=generator())
    ),
    "numpy generator": lambda: DataLoader(Augmented(), 4, sampler=NumpyOrder()),
    "python generator": lambda: DataLoader(Augmented(), 4, sampler=PythonOrder()),
    "batch sampler's generator": lambda: DataLoader(
        Augmented(), batch_sampler=BatchSampler(NumpyOrder(), 4, drop_last=False)
    ),
    "collate": lambda: DataLoader(TensorDataset(torch.arange(ROWS)), 4, shuffle=True, collate_fn=lambda r: noisy(r[0])),
    "own loader": lambda: OwnLoader(Augmented(), 4, shuffle=True),
    "stream": lambda: DataLoader(Stream(), 4),
    "list": lambda: [torch.arange(number) for number in range(6)],
    "not a loader": NotALoader,
}
WITH_WORKERS: dict[str, Callable[[], Any]] = {
    "shuffled": lambda: DataLoader(Augmented(), 4, shuffle=True, num_workers=2),
    "persistent": lambda: DataLoader(Augmented(), 4, shuffle=True, num_workers=2, persistent_workers=True),
    "generator": lambda: DataLoader(Augmented(), 4, shuffle=True, num_workers=2, generator=generator()),
    "collate": lambda: DataLoader(Augmented(), 4, shuffle=True, num_workers=2, collate_fn=noisy),
    "stream": lambda: DataLoader(Stream(), 4, num_workers=2),
    "persistent stream": lambda: DataLoader(Stream(), 4, num_workers=2, persistent_workers=True),
    "shared out": lambda: DataLoader(ShardedFromOutside(), 4, num_workers=2, worker_init_fn=share_out),
}


class Run:
    """A training that draws by itself between batches, as it wants."""

    begun: ClassVar[list["Run"]] = []

    def __init__(self, loader: Any, **options: Any) -> None:
        self.epoch = 0
        self.passes = Passes(loader, (0, "train", 0), rank=0, epoch=lambda: self.epoch, **options)
        self.told: list[str] = []
        self.passes.differs = self.told.append
        self.loader = exact(loader, self.passes)
        self.given: list[list[str]] = []
        self.begun.append(self)

    def train(self, epochs: int = 3) -> list[list[str]]:
        while self.epoch < epochs:
            self.given.append([])
            for batch in self.loader:
                self.given[-1].append(digest(batch))
                random.random(), torch.rand(3), np.random.rand()
            self.epoch += 1
        return self.given

    def train_until(self, epoch: int, batch: int) -> Place:
        """Return the place at which a run was killed, as a checkpoint has it."""
        self.train(epoch)
        batches = iter(self.loader)
        for _ in range(batch):
            next(batches)
        return Place(epoch, batch, **self.passes.state(epoch, batch))

    def resume(self, place: Place) -> list[list[str]]:
        self.passes.place, self.epoch = place, place.epoch
        return self.train()


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    yield
    while Run.begun:
        iterator = getattr(Run.begun.pop().loader, "_iterator", None)
        if iterator is not None:  # persistent workers; else the garbage collector waits 5 s for each
            iterator._shutdown_workers()


def assert_resumed(make: Callable[[], Any], epoch: int, batch: int) -> None:
    whole = Run(make()).train()
    place = Run(make()).train_until(epoch, batch)
    torch.manual_seed(9)  # a new process
    resumed = Run(make())
    assert resumed.resume(place) == [whole[epoch][batch:], *whole[epoch + 1 :]]
    assert not resumed.told


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
        assert not resumed.told


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


# What differs is told.


class Stateful(Augmented):
    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def __getitem__(self, index: int) -> Tensor:
        return torch.tensor(self.rng.random())


def test_a_batch_that_is_not_the_one_of_before_is_told() -> None:
    place = Run(DataLoader(Stateful(), 4)).train_until(1, 3)
    resumed = Run(DataLoader(Stateful(), 4))
    resumed.resume(place)
    assert resumed.told == ["gives another batch than before the run was stopped"]


def test_a_first_batch_that_differs_from_that_of_the_preflight_is_told() -> None:
    run = Run(DataLoader(Augmented(), 4))
    run.passes.expected_first = "0" * 16
    run.train(1)
    assert run.told == ["does not give the same first batch twice"]
    again = Run(DataLoader(Augmented(), 4))
    again.passes.expected_first = run.passes.first
    again.train(2)
    assert not again.told


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


# It looks like the user's loader.


@pytest.mark.parametrize("name", LOADERS)
def test_it_looks_like_what_it_stands_for(name: str) -> None:
    loader = LOADERS[name]()
    front = Run(loader).loader
    if isinstance(loader, DataLoader):
        assert isinstance(front, type(loader))
        assert type(front).__name__ == type(loader).__name__
        assert front.dataset is loader.dataset
        assert front.sampler is loader.sampler
        assert front.batch_sampler is loader.batch_sampler
        assert front.collate_fn is loader.collate_fn
    if hasattr(loader, "batch_size"):
        assert front.batch_size == loader.batch_size
    has_length = not isinstance(getattr(loader, "dataset", None), IterableDataset)
    if has_length:
        assert len(front) == len(loader)
    else:
        with pytest.raises(TypeError):
            len(front)


def test_whatever_is_asked_of_the_data_set_or_set_on_it_is_the_users() -> None:
    class Asked(Augmented):
        scale = 1

        def __getitem__(self, index: int) -> Tensor:
            return torch.tensor(index * self.scale)

    loader = DataLoader(Asked(), 4, worker_init_fn=_scale, num_workers=1)
    batches = list(exact(loader, Passes(loader, (0, "val", 0), rank=0)))
    assert torch.cat(batches).tolist() == [10 * index for index in range(ROWS)]
    assert loader.dataset.scale == 1


def _scale(worker_id: int) -> None:
    worker = get_worker_info()
    assert worker is not None
    assert isinstance(worker.dataset.scale, int)
    worker.dataset.scale = 10


def test_the_users_loader_keeps_its_data_set_and_sampler() -> None:
    loader = LOADERS["shuffled"]()
    dataset, sampler = loader.dataset, loader.batch_sampler
    Run(loader).train(1)
    assert loader.dataset is dataset
    assert loader.batch_sampler is sampler
    assert sorted(batch[0, 0].item() for batch in loader) != []


class KnowsItsPlace:
    """A loader with a state, which Lightning saves and loads."""

    def __init__(self) -> None:
        self.order: list[int] = []
        self.cursor = 0

    def __len__(self) -> int:
        return 6

    def __iter__(self) -> Iterator[Tensor]:
        if not self.order:
            self.order = torch.randperm(6).tolist()
        while self.cursor < 6:
            self.cursor += 1
            yield torch.tensor(self.order[self.cursor - 1])
        self.order, self.cursor = [], 0

    def state_dict(self) -> dict[str, Any]:
        return {"order": self.order, "cursor": self.cursor}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.order, self.cursor = list(state["order"]), state["cursor"]


def test_a_loader_with_a_state_of_its_own_goes_to_its_place_by_itself() -> None:
    whole = Run(KnowsItsPlace()).train()
    killed = Run(KnowsItsPlace())
    place = killed.train_until(1, 2)
    state = killed.loader.state_dict()
    resumed = Run(KnowsItsPlace())
    resumed.loader.load_state_dict(state)
    assert resumed.resume(place) == [whole[1][2:], whole[2]]
    assert not resumed.told
