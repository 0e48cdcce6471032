"""Loaders of every kind, as users bring them."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
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
