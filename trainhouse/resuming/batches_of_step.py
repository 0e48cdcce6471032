"""How many batches make a step of the optimizer, where that changes from epoch to epoch."""

import lightning as L
from lightning.pytorch.callbacks import GradientAccumulationScheduler

from trainhouse.resuming.trainer_parts import callbacks_of


def batches_of_step(trainer: L.Trainer, epoch: int) -> int:
    """Return their number in an `epoch`, from 0. A schedule of them speaks at its start only."""
    for callback in callbacks_of(trainer):
        if isinstance(callback, GradientAccumulationScheduler):
            return callback.get_accumulate_grad_batches(epoch)
    return int(trainer.accumulate_grad_batches)
