"""Puts optimizers that have modes of their own, as schedule-free ones do, into the right one."""

from typing import Any

import lightning as L


class OptimizerModes(L.Callback):
    """Calls `optimizer.train()` before a batch of training, and `optimizer.eval()` before validation and at the end.

    In mode eval the weights are those to be measured and saved. A checkpoint between two batches has the weights of
    training, and the optimizer's mode with them: a resume goes on from these, bit for bit.
    """

    def on_train_start(self, trainer: L.Trainer, *_: Any) -> None:
        """Cost nothing where no optimizer has modes."""
        if not any(callable(getattr(optimizer, "eval", None)) for optimizer in trainer.optimizers):
            self.on_train_batch_start = None  # type: ignore[method-assign, assignment]

    def on_train_batch_start(self, trainer: L.Trainer, *_: Any) -> None:
        """Train; one that is in that mode changes nothing."""
        _set(trainer, "train")

    def on_validation_start(self, trainer: L.Trainer, *_: Any) -> None:
        """Measure, and save the best."""
        _set(trainer, "eval")

    def on_train_end(self, trainer: L.Trainer, *_: Any) -> None:
        """Leave the weights that were measured."""
        _set(trainer, "eval")


def _set(trainer: L.Trainer, mode: str) -> None:
    for optimizer in trainer.optimizers:
        change = getattr(optimizer, mode, None)
        if callable(change):
            change()
