"""A sampler whose items are drawn, and fetched, by a key: which of them comes does not depend on those before."""

from collections.abc import Callable, Iterator
from typing import Any

from torch.utils.data import BatchSampler, RandomSampler, SequentialSampler, SubsetRandomSampler, WeightedRandomSampler

from trainhouse.resuming.seeded_data import Keyed
from trainhouse.resuming.seeding import reseed


class KeyedSampler:
    """Yields the items of a sampler from the first one that is to be fetched, each drawn and keyed by its number."""

    def __init__(
        self, sampler: Any, key: tuple[object, ...], rank: int, position: Callable[[], tuple[int, int, int]]
    ) -> None:
        """`position` says the epoch, which pass of it this is, and the number of the first item to be fetched."""
        self.sampler, self.key, self.rank, self.position = sampler, key, rank, position

    def __iter__(self) -> Iterator[Keyed]:
        epoch, repeat, first = self.position()
        key, order = (*self.key, "fetch", epoch, repeat), (*self.key, "order", epoch, repeat)
        reseed(*order, 0)  # also for a sampler that draws when it is asked for an iterator
        items, is_drawn_at_once = iter(self.sampler), _is_drawn_at_once(self.sampler)
        number = 0
        while True:
            if number == 0 or not is_drawn_at_once:
                reseed(*order, number)
            item = next(items, _END)
            if item is _END:
                return
            if number >= first:
                yield Keyed(item, (*key, number, self.rank))
            number += 1

    def __len__(self) -> int:
        return len(self.sampler)


_END = object()


def _is_drawn_at_once(sampler: Any) -> bool:
    """Whether a sampler draws for its first item alone, as those of torch do: each seeding takes 13 us."""
    inner = sampler.sampler if type(sampler) is BatchSampler else sampler
    return type(inner) in (SequentialSampler, RandomSampler, SubsetRandomSampler, WeightedRandomSampler)
