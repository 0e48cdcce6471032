"""Data sets that are seeded where they are read, in whatever process that is; to all others they are the user's own."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch.utils.data import IterableDataset

from trainhouse.resuming.seeding import reseed


class Keyed(NamedTuple):
    """What a sampler gave, and the key by which the batch is seeded."""

    indices: Any
    key: tuple[object, ...]


class Delegate:
    """Stands for another object: whatever is asked of it, or set on it, is the other's."""

    def __init__(self, other: Any) -> None:
        object.__setattr__(self, "_other", other)

    def __getattr__(self, name: str) -> Any:
        if name == "_other":  # not there yet while it is being unpickled
            raise AttributeError(name)
        return getattr(self._other, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._other, name, value)


class SeededDataset(Delegate):
    """A data set that is seeded before each batch, in whatever process."""

    def __reduce__(self) -> Any:
        return SeededDataset, (self._other,)

    def __len__(self) -> int:
        return len(self._other)

    def __getitem__(self, keyed: Keyed) -> Any:
        reseed(*keyed.key)
        return self._other[keyed.indices]

    def __getitems__(self, keyed: Keyed) -> Any:
        reseed(*keyed.key)
        if getattr(self._other, "__getitems__", None):
            return self._other.__getitems__(keyed.indices)
        return [self._other[index] for index in keyed.indices]


class SeededStream(Delegate, IterableDataset[Any]):
    """Iterable data that is seeded where a pass begins, in each worker: those that persist are not seeded by torch."""

    def __init__(self, other: Any, key: tuple[object, ...], rank: int, numbers: torch.Tensor | None = None) -> None:
        super().__init__(other)
        object.__setattr__(self, "_key", (*key, rank))
        # In memory that the workers see, as they live longer than a pass.
        shared = torch.zeros(2, dtype=torch.int64).share_memory_() if numbers is None else numbers
        object.__setattr__(self, "_numbers", shared)

    def begin_pass(self, epoch: int, repeat: int) -> None:
        """Note which pass begins next."""
        self._numbers[0], self._numbers[1] = epoch, repeat

    def __reduce__(self) -> Any:
        return SeededStream, (self._other, self._key[:-1], self._key[-1], self._numbers)

    def __len__(self) -> int:
        return len(self._other)

    def __iter__(self) -> Iterator[Any]:
        if (worker := torch.utils.data.get_worker_info()) is not None:
            reseed(*self._key, *self._numbers.tolist(), worker.id)
        return iter(self._other)
