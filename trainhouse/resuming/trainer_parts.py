"""What a trainer has, where Lightning sets it out of a type checker's sight."""

import lightning as L
from lightning.pytorch.callbacks import GradientAccumulationScheduler


def callbacks_of(trainer: L.Trainer) -> list[L.Callback]:
    """Return the trainer's own list of callbacks, in the order in which they are called."""
    callbacks: list[L.Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return callbacks


def datamodule_of(trainer: L.Trainer) -> L.LightningDataModule | None:
    """Return the DataModule that is at work; None where loaders were given."""
    datamodule: L.LightningDataModule | None = trainer.datamodule  # type: ignore[attr-defined]
    return datamodule


def is_fast_dev_run(trainer: L.Trainer) -> bool:
    """Whether a batch is tried out."""
    return bool(trainer.fast_dev_run)  # type: ignore[attr-defined]


def batches_of_step(trainer: L.Trainer, epoch: int) -> int:
    """Return their number in an `epoch`, from 0. A schedule of them speaks at its start only."""
    for callback in callbacks_of(trainer):
        if isinstance(callback, GradientAccumulationScheduler):
            return callback.get_accumulate_grad_batches(epoch)
    return int(trainer.accumulate_grad_batches)
