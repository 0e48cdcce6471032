"""What several ranks do each by itself though it looks like one thing: said, since the numbers don't show it."""

import functools
import logging
import math
import os
import time
from collections import defaultdict
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_only
from torch.nn.parallel import DistributedDataParallel

from trainhouse.arrays.datamodule import DataModule
from trainhouse.resuming.digest import digest
from trainhouse.resuming.exact_data import flattened
from trainhouse.resuming.gathering import of_all_ranks
from trainhouse.resuming.logged_values import logged_in_evaluation
from trainhouse.resuming.loops import was_tried
from trainhouse.resuming.shares import is_shared_out
from trainhouse.resuming.trainer_parts import datamodule_of

_PAUSE = 0.005  # seconds, for each data worker that is started
_FIRST = 8  # batches of a pass by which it is known

_log = logging.getLogger(__name__)


class RanksCompared(L.Callback):
    """Says once of a loader that every rank reads all of it, and of a value that it is the first rank's alone.

    Lightning shares out what has a sampler; other data takes its share by itself, or gives all its rows to every rank.
    A value that is logged without ``sync_dist=True`` is each rank's own, and what is kept is the first one's. Both are
    said where they make a difference: of batches that are the same on all ranks, and of values that are not.
    """

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._first: dict[int, list[str]] = defaultdict(list)
        """Digests of the first batches of a pass, by loader."""
        self._trained_on: list[str] | None = []
        """Those of training, until they have been compared."""

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Compare the first batches, of which every rank has equally many."""
        if self._trained_on is None:
            return
        self._trained_on.append(digest(batch))
        if len(self._trained_on) == _FIRST:
            self._compare_training(trainer)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Compare those of an epoch that had fewer."""
        _refuse_missed_gradients(trainer)
        if self._trained_on is not None:
            self._compare_training(trainer)

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin a pass."""
        self._first.clear()
        if not trainer.sanity_checking:
            _refuse_missed_gradients(trainer)

    def on_validation_batch_end(
        self, trainer: L.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Note what this rank has read."""
        if len(first := self._first[dataloader_idx]) < _FIRST:
            first.append(digest(batch))

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Compare it, and what was logged."""
        if not trainer.sanity_checking:
            self._compare(trainer, "val", trainer.val_dataloaders)

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin a pass."""
        self._first.clear()

    on_test_batch_end = on_validation_batch_end

    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Compare it, and what was logged."""
        self._compare(trainer, "test", trainer.test_dataloaders)

    def _compare_training(self, trainer: L.Trainer) -> None:
        seen, self._trained_on = self._trained_on, None
        of_ranks = of_all_ranks(seen)
        is_own = not isinstance(datamodule_of(trainer), DataModule)
        if is_own and seen and not any(map(is_shared_out, flattened(trainer.train_dataloader))) and _are_same(of_ranks):
            self._say_read_by_all(trainer, "train_dataloader", "is trained on")

    def _compare(self, trainer: L.Trainer, stage: str, loaders: Any) -> None:
        of_ranks = of_all_ranks((dict(self._first), logged_in_evaluation(trainer)))
        is_own = not isinstance(datamodule_of(trainer), DataModule)
        shares = list(flattened(loaders))
        for number, loader in enumerate(shares if is_own else ()):
            batches = [first.get(number) for first, _ in of_ranks]
            if batches[0] and not is_shared_out(loader) and _are_same(batches):
                name = f"{stage}_dataloader" + (f" (number {number})" if len(shares) > 1 else "")
                self._say_read_by_all(trainer, name, "counts")
        alone = [
            name
            for name, value in of_ranks[0][1].items()
            if name not in self._said and not all(_is_close(value, values.get(name, value)) for _, values in of_ranks)
        ]
        self._said.update(alone)
        if alone:
            self._say(
                f"model: {', '.join(alone)} {'is' if len(alone) == 1 else 'are'} measured on the rows of the first of "
                f"{trainer.world_size} ranks alone; log with sync_dist=True what all rows are to count for"
            )

    def _say_read_by_all(self, trainer: L.Trainer, name: str, what: str) -> None:
        if name not in self._said:
            self._said.add(name)
            self._say(
                f"data: {name} gives all ranks the same batches, so each row {what} {trainer.world_size} times; let it "
                "give each rank a share, such as rows[trainer.global_rank :: trainer.world_size]"
            )

    @rank_zero_only
    def _say(self, what: str) -> None:
        _log.warning("warning: %s", what)


def _refuse_missed_gradients(trainer: L.Trainer) -> None:
    """Raise torch's error for gradients that were not exchanged, which it notices a step later: never of the last."""
    if isinstance(trainer.model, DistributedDataParallel) and was_tried():
        trainer.model._check_reducer_finalized()


@functools.cache
def let_threads_finish_before_forks() -> None:
    """Have every fork of this process wait for a moment, in which threads of the ranks' exchange come to their end.

    Such a thread makes itself known to Python under a lock that Python 3.11 does not free in a child: a data worker
    that is forked in that instant stands still for ever. Without the pause 3 of 1000 forks right after an exchange did.
    """
    os.register_at_fork(before=functools.partial(time.sleep, _PAUSE))


def _are_same(values: list[Any]) -> bool:
    return all(value == values[0] for value in values)


def _is_close(value: float, other: float) -> bool:
    return math.isclose(value, other, rel_tol=1e-6) or (math.isnan(value) and math.isnan(other))
