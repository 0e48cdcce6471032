"""Data of the user's own under one trainer: seeded in every stage, its loaders at their place, no row twice.

Lightning has public hooks for some of it; for the rest its private names stand here.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import lightning as L
from lightning.pytorch.utilities.combined_loader import CombinedLoader

from trainhouse.configuration.errors import UserError
from trainhouse.resuming.exact_loaders import exact
from trainhouse.resuming.passes import Passes, Place
from trainhouse.resuming.seeding import reseed
from trainhouse.resuming.shares import refuse_waiting_in_steps, with_exact_means, without_repeats
from trainhouse.resuming.steps import Step, step_of, with_step

Saved = dict[str, Any]


class ExactData:
    """Seeds what a user's data draws, in every stage of one trainer, and brings its loaders back to their place.

    The seed before every `setup` is a function of (seed, "setup"): a `random_split` without a generator gives the same
    rows in training, evaluation, a resume, and on every rank. That before a loader is made is a function of the
    epoch in which it is.
    """

    def __init__(self, trainer: L.Trainer, seed: int, differs: Callable[[str], None] = lambda what: None) -> None:
        """`differs` is called with what the data does otherwise than before."""
        self.trainer, self.seed, self.differs = trainer, seed, differs
        self.expected_first: list[str | None] = []
        """Digests of the first batches that another try has seen."""
        self._passes: dict[str, list[Passes]] = {}
        self._places: Saved = {}
        self._made_in: dict[str, int] = {}
        self._steps: list[Step] = []  # of each training loader, where other ranks have begun
        self._stage, self._new, self._epoch_now = "predict", [], None  # type: tuple[str, list[Passes], int | None]
        strategy: Any = trainer.strategy
        self._barrier, strategy.barrier = strategy.barrier, self._at_barrier
        self._process, strategy.process_dataloader = strategy.process_dataloader, self._process_loader
        if trainer.world_size > 1:
            strategy.reduce = with_exact_means(strategy.reduce)
        self._seed_making_of_loaders("train", trainer.fit_loop)
        self._seed_making_of_loaders("val", trainer.fit_loop.epoch_loop.val_loop)
        self._seed_making_of_loaders("val", trainer.validate_loop)
        self._seed_making_of_loaders("test", trainer.test_loop)

    @property
    def first_digests(self) -> list[str | None]:
        """The digest of the first batch that each training loader has given."""
        return [passes.first for passes in self._passes.get("train", [])]

    def state(self, epoch: int, batch: int, is_validating: bool) -> Saved:
        """Return where the loaders are, as plain data: `batch` batches of `epoch` are done."""
        within = {"train": batch > 0, "val": is_validating}
        return {
            stage: {
                "made_in": self._made_in[stage],
                "loaders": [
                    {
                        "epoch": epoch,
                        "batch": batch,
                        **passes.state(epoch, batch, within[stage]),
                        "step": step_of(passes.loader, self.trainer.world_size),
                    }
                    for passes in loaders
                ],
                **({"steps": self._steps} if stage == "train" and self._steps else {}),
            }
            for stage, loaders in self._passes.items()
            if stage in within
        }

    def restore(self, saved: Saved) -> None:
        """Have the loaders that are made next begin where `saved` says."""
        self._places = dict(saved)
        self._steps = list(saved.get("train", {}).get("steps", ()))

    def _at_barrier(self, name: str | None = None, *args: Any, **kwargs: Any) -> None:
        self._barrier(name, *args, **kwargs)
        if name == "pre_setup":  # the last thing that Lightning does before it calls `setup`
            reseed(self.seed, "setup")

    def _seed_making_of_loaders(self, stage: str, loop: Any) -> None:
        set_up = loop.setup_data

        def set_up_seeded() -> None:
            progress: Any = self.trainer.fit_loop.epoch_progress.current
            self._epoch_now, self._stage, self._new = progress.processed, stage, []
            made_in = self._places.get(stage, {}).get("made_in", progress.processed)
            reseed(self.seed, "loaders", stage, made_in if stage == "train" else 0)
            # As it was then: `current_epoch`, which the user's hook asks for, and which decides when a reload is due.
            progress.processed, progress.completed, counted = made_in, made_in, (progress.processed, progress.completed)
            try:
                set_up()
            finally:
                (progress.processed, progress.completed), self._epoch_now = counted, None
            if self._new:
                self._made_in[stage], self._passes[stage] = made_in, self._new
                self._places.pop(stage, None)

        loop.setup_data = set_up_seeded

    def _process_loader(self, loader: Any) -> Any:
        if isinstance(loader, Iterator):
            raise UserError(
                f"data: {self._stage}_dataloader returns an iterator ({type(loader).__name__}), which is empty after "
                "its first pass; return a DataLoader, or anything that can be iterated over again"
            )
        loader, number = self._process(loader), len(self._new)
        is_training = self._stage == "train"
        is_shared = not is_training and self.trainer.world_size > 1
        if is_shared:
            loader = without_repeats(loader, f"{self._stage}_dataloader")
        if is_training and number < len(self._steps):
            loader = with_step(loader, self._steps[number], self.trainer.world_size)
        key = (self.seed, self._stage, number)
        passes = Passes(
            loader, key, self.trainer.global_rank, self._epoch if is_training else None, cycles=self._cycles
        )
        passes.differs = self.differs
        if is_shared:
            passes.before_second = refuse_waiting_in_steps(self.trainer, passes)
        if is_training and number < len(self.expected_first):
            passes.expected_first = self.expected_first[number]
        places = self._places.get(self._stage, {}).get("loaders", [])
        passes.place = Place.of(places[number]) if number < len(places) else None
        self._new.append(passes)
        return exact(loader, passes)

    def _epoch(self) -> int:
        return self.trainer.current_epoch if self._epoch_now is None else self._epoch_now

    def _cycles(self) -> bool:
        loader = self.trainer.fit_loop._combined_loader
        return isinstance(loader, CombinedLoader) and loader._mode == "max_size_cycle" and len(loader.flattened) > 1


def ask_no_preparation(trainer: L.Trainer) -> None:
    """Have a trainer leave `prepare_data` out: with a single device it takes itself for the first rank."""
    strategy: Any = trainer.strategy
    strategy.local_rank = 1


def flattened(loaders: Any) -> Iterator[Any]:
    """Yield every loader of a structure such as DataModules return."""
    if isinstance(loaders, CombinedLoader):
        yield from loaders.flattened
    elif isinstance(loaders, Mapping):
        for loader in loaders.values():
            yield from flattened(loader)
    elif isinstance(loaders, (list, tuple)):
        for loader in loaders:
            yield from flattened(loader)
    else:
        yield loaders


def run_in_place_of_prediction(trainer: L.Trainer, act: Callable[[], None]) -> None:
    """Have `trainer.predict` do everything but to iterate: `act` is called when data and module are ready."""
    trainer.predict_loop.run = act  # type: ignore[method-assign]
