"""The passes over one loader: each seeded, the one that was stopped begun at its place."""

import copy
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from torch.utils.data import DataLoader, IterableDataset
from torch.utils.data.datapipes.datapipe import IterDataPipe, MapDataPipe

from trainhouse.resuming.digest import digest
from trainhouse.resuming.generators import generator_states, restore_generators
from trainhouse.resuming.keyed_sampler import KeyedSampler
from trainhouse.resuming.seeded_data import SeededDataset, SeededStream
from trainhouse.resuming.seeding import reseed

_log = logging.getLogger(__name__)

_SAYS_SO_AFTER = 3.0  # seconds that a replay may take without a word


@dataclass
class Place:
    """Where a run was stopped in an epoch, as far as one loader knows; plain data in a checkpoint."""

    epoch: int = 0
    batch: int = 0
    digest: str | None = None
    """Of the batch before this place, to be compared."""
    drawn_from: dict[str, Any] = field(default_factory=dict)
    """The states of the loader's own generators at the start of the pass."""

    @classmethod
    def of(cls, saved: dict[str, Any]) -> "Place":
        """Return the place that a checkpoint has, which may say more of the loader."""
        return cls(**{name: saved[name] for name in cls.__dataclass_fields__ if name in saved})


class Passes:
    """All passes over one loader of one stage."""

    def __init__(
        self,
        loader: Any,
        key: tuple[object, ...],
        rank: int,
        epoch: Callable[[], int] | None = None,
        cycles: Callable[[], bool] = lambda: False,
    ) -> None:
        """`key` is (seed, stage, number of the loader); `epoch` says which one it is now, None outside of training.

        `cycles` says whether the loader starts again when it is exhausted within an epoch.
        """
        self.loader, self.key, self.rank, self.epoch, self.cycles = loader, key, rank, epoch, cycles
        self.place: Place | None = None
        """Where the run was stopped, until training has got there again."""
        self.differs: Callable[[str], None] = lambda what: None
        """Called when a batch is not the one that was there before."""
        self.before_second: Callable[[], None] = lambda: None
        """Called before the second batch of a pass outside of training."""
        self.expected_first: str | None = None
        self.first: str | None = None
        """The digest of the first batch of all."""
        self._epoch, self._repeat, self._exhausted = -1, 0, False
        self._given = 0  # batches of this epoch, all repeats together
        self._digests: dict[int, str] = {}  # of the latest two: Lightning reads one ahead of unsized data
        self._drawn_from: dict[str, Any] = {}
        self._was_there = False  # at the place
        self._first = 0  # number in the pass of the first batch to be fetched
        self._inner = self._seeding_copy()
        self._iterate: Callable[[], Iterator[Any]] | None = None

    def state(self, epoch: int, batch: int, is_within: bool = True) -> dict[str, Any]:
        """Return what a resume at `batch` of `epoch` has to know, as plain data; `is_within` a pass, or between two."""
        within = is_within and batch > 0 and (self.epoch is None or epoch == self._epoch)
        states = self._drawn_from if within else generator_states(self.loader)
        return {"digest": self._digests.get(batch) if within else None, "drawn_from": states}

    def __iter__(self) -> Iterator[Any]:
        is_known = self._begin()
        batches = self._from_the_place()
        while True:
            if self._given == 1 and self.epoch is None:
                self.before_second()
            if not self._is_seeded_inside:
                reseed(*self.key, "fetch", self._epoch, self._repeat, self._given, self.rank)
            batch = next(batches, _END)
            if batch is _END:
                self._exhausted = True
                return
            self._given += 1
            if self.epoch is not None:
                self._compare(digest(batch), is_known)
                if is_known:
                    is_known = False
                    continue
            yield batch

    def _begin(self) -> bool:
        """Find out which pass this is, and which of its batches were had before the run was stopped.

        Returns whether the first batch is one of those, fetched again to be compared.
        """
        epoch = self.epoch() if self.epoch is not None else 0
        if self._exhausted and epoch == self._epoch and self.epoch is not None:  # a shorter one of several loaders
            self._repeat += 1
        else:
            self._epoch, self._repeat, self._given = epoch, 0, 0
        self._exhausted, self._first = False, 0
        place = self.place
        if place and not self._was_there and place.drawn_from and place.batch and place.epoch == epoch - 1:
            self._draw_as_before(place)
        if place is None or (self.epoch is not None and (place.epoch != epoch or self._repeat)):
            self._drawn_from = generator_states(self.loader)
            return False
        restore_generators(self.loader, place.drawn_from)
        self._drawn_from, self._was_there = place.drawn_from, True
        if self.epoch is None:
            self.place = None
        elif place.batch and not has_state(self.loader):
            self._go_to(place.batch - 1)
            if place.digest:
                return True
            self._first, self._given = self._first + 1, self._given + 1
        else:
            self._given = place.batch
        return False

    def _draw_as_before(self, place: Place) -> None:
        """Have the loader's own generators draw for a pass of which nothing was left, so that nobody iterates it."""
        now, self._epoch, self.place = self._epoch, place.epoch, None
        restore_generators(self.loader, place.drawn_from)
        self._go_to(place.batch - 1)
        next(self._from_the_place(), None)  # and no further: a sampler that is asked for more may draw once more
        self._epoch, self._repeat, self._first, self._given = now, 0, 0, 0

    def _go_to(self, batch: int) -> None:
        """Have the next pass begin at a batch of the epoch."""
        length = length_of(self.loader) if self.cycles() else None
        self._repeat, self._first = divmod(batch, length) if length else (0, batch)
        self._given = batch

    def _compare(self, name: str, is_known: bool) -> None:
        if is_known and self.place and name != self.place.digest:
            self.differs("gives another batch than before the run was stopped")
        if self._epoch == 0 and self._given == 1 and self.first is None:
            self.first = name
            if self.expected_first not in (None, name):
                self.differs("does not give the same first batch twice")
        self._digests = {self._given - 1: self._digests.get(self._given - 1, ""), self._given: name}

    def _from_the_place(self) -> Iterator[Any]:
        """Iterate over what is left of the pass from batch number `_first` on."""
        batches = self._one_pass()
        if not self._is_seeded_inside:
            self._read_again(batches)
        return batches

    def _one_pass(self) -> Iterator[Any]:
        reseed(*self.key, "order", self._epoch, self._repeat)
        if isinstance(dataset := getattr(self._inner, "dataset", None), SeededStream):
            dataset.begin_pass(self._epoch, self._repeat)
        return iter(self._inner) if self._iterate is None else self._iterate()

    def iterate_by(self, iterate: Callable[[], Iterator[Any]]) -> None:
        """Have a pass begun by `iterate`."""
        self._iterate = iterate

    def _read_again(self, batches: Iterator[Any]) -> None:
        """Pass over the batches that were had before: data without places has to be read up to there."""
        started, said = time.perf_counter(), False
        before = self._given - self._first  # this pass
        for number in range(self._first):
            reseed(*self.key, "fetch", self._epoch, self._repeat, before + number, self.rank)
            if next(batches, _END) is _END:
                return
            seconds = time.perf_counter() - started
            if seconds > _SAYS_SO_AFTER and not said:
                said = True
                rest = seconds / (number + 1) * (self._first - number - 1)
                _log.info("        reading %d batches again, up to the place: about %.0f s", self._first, rest)

    @property
    def has_copy(self) -> bool:
        """Whether it is a copy of the loader that is iterated."""
        return self._inner is not self.loader

    @property
    def kept_iterator(self) -> Any:
        """The iterator of that copy, if its workers are persistent."""
        return vars(self._inner)["_iterator"]

    @kept_iterator.setter
    def kept_iterator(self, iterator: Any) -> None:
        vars(self._inner)["_iterator"] = iterator

    @property
    def _is_seeded_inside(self) -> bool:
        return self.has_copy and not isinstance(self._inner.dataset, SeededStream)

    def _seeding_copy(self) -> Any:
        """Return a shallow copy of a DataLoader whose data set and sampler are seeded; other loaders as they are."""
        loader = self.loader
        if not isinstance(loader, DataLoader) or has_state(loader):
            return loader
        if isinstance(loader.dataset, (IterDataPipe, MapDataPipe)):
            return loader
        inner = copy.copy(loader)
        changed = vars(inner)  # a DataLoader refuses to have these set
        changed["_iterator"] = None
        if isinstance(loader.dataset, IterableDataset):
            changed["dataset"] = SeededStream(loader.dataset, (*self.key, "worker"), self.rank)
            return inner
        changed["dataset"] = SeededDataset(loader.dataset)
        name = "sampler" if loader.batch_sampler is None else "batch_sampler"
        changed[name] = KeyedSampler(
            getattr(loader, name), self.key, self.rank, lambda: (self._epoch, self._repeat, self._first)
        )
        return inner


_END = object()


def has_state(loader: Any) -> bool:
    """Whether a loader has a state of its own, to which it goes by itself."""
    return callable(getattr(loader, "state_dict", None)) and callable(getattr(loader, "load_state_dict", None))


def length_of(loader: Any) -> int | None:
    """Return the number of its batches; None if it can't say."""
    try:
        return len(loader)
    except (TypeError, NotImplementedError):
        return None
