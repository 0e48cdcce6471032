"""How long a run is of which nobody has said it: `trainer.max_epochs: auto`."""

import math

import lightning as L

from trainhouse.arrays.datamodule import DataModule
from trainhouse.configuration.auto_length import AUTO, EPOCHS
from trainhouse.configuration.settings import Train

STEPS = 1000
"""Optimizer steps of a run on small data: in each, Adam moves weights by its rate, 0.001, and they have to reach 1."""


def with_length(settings: Train, datamodule: L.LightningDataModule, has_own_module: bool) -> Train:
    """Return settings that say how many epochs there are, as the run's `config.yaml` has to.

    A LightningModule of the user's own, data of which no number of batches is known, and a run that nothing stops when
    it gets no better, have 20; so has one that is to learn a few batches by heart, or only to try them out.
    """
    if settings.trainer.max_epochs != AUTO:
        return settings
    epochs = EPOCHS
    if isinstance(datamodule, DataModule) and not has_own_module and _is_stopped_early(settings):
        epochs = max(EPOCHS, math.ceil(max(STEPS, settings.trainer.max_steps) / _steps(settings, datamodule)))
    return settings.with_values({"trainer.max_epochs": max(epochs, settings.trainer.min_epochs or 0)})


def _is_stopped_early(settings: Train) -> bool:
    trainer = settings.trainer
    is_trial = bool(trainer.fast_dev_run or trainer.overfit_batches)
    return settings.monitor is not None and bool(settings.callbacks.early_stopping) and not is_trial


def _steps(settings: Train, datamodule: DataModule) -> int:
    """Return the optimizer steps of an epoch."""
    trainer = settings.trainer
    devices = trainer.get("devices")
    devices = len(devices) if isinstance(devices, list) else devices if isinstance(devices, int) else 1
    rows = datamodule.row_count("train") / (max(1, devices) * trainer.num_nodes)
    batches = math.ceil(rows / settings.data.batch_size)
    limit = trainer.limit_train_batches
    batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
    return max(1, math.ceil(batches / trainer.accumulate_grad_batches))
