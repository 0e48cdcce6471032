"""How long a run is of which nobody has said it: `trainer.max_epochs: auto` and early stopping's `patience: auto`."""

import math

import lightning as L

from trainhouse.arrays.datamodule import DataModule
from trainhouse.configuration.auto_length import AUTO, EPOCHS, PATIENCE
from trainhouse.configuration.settings import Train

STEPS = 1000
"""Optimizer steps of a run on small data: in each, Adam moves weights by its rate, 0.001, and they have to reach 1."""
PATIENT_STEPS = 200
"""Optimizer steps without an improvement before a run is stopped, at least, and `PATIENCE` validations.

Ten passes over 300 rows are 50 steps, in which the loss of few validation rows may well find no new minimum. With 200
in place of these the R2 of 300 to 600 rows of sines and products rose by 0.01 to 0.12; docs/speed.md has the rest.
"""


def with_length(settings: Train, datamodule: L.LightningDataModule, has_own_module: bool) -> Train:
    """Return settings that say how many epochs there are, and how patient early stopping is, as `config.yaml` has to.

    A LightningModule of the user's own, data of which no number of batches is known, and a run that nothing stops when
    it gets no better, have 20, and a patience of 10; so has one that is to learn a few batches by heart, or only to try
    them out.
    """
    is_small = isinstance(datamodule, DataModule) and not has_own_module and _is_stopped_early(settings)
    steps = _steps(settings, datamodule) if isinstance(datamodule, DataModule) and is_small else 0
    found: dict[str, int] = {}
    if settings.trainer.max_epochs == AUTO:
        epochs = max(EPOCHS, math.ceil(max(STEPS, settings.trainer.max_steps) / steps)) if steps else EPOCHS
        found["trainer.max_epochs"] = max(epochs, settings.trainer.min_epochs or 0)
    stopping = settings.callbacks.early_stopping
    if stopping and isinstance(stopping.plain, dict) and stopping.get("patience") == AUTO:
        waits = math.ceil(PATIENT_STEPS / _steps_between(settings, steps)) if steps else 0
        found["callbacks.early_stopping.patience"] = max(PATIENCE, waits)
    return settings.with_values(found) if found else settings


def _steps_between(settings: Train, steps: int) -> float:
    """Return how many optimizer steps lie between two validations, with `steps` in an epoch, as far as can be said."""
    trainer = settings.trainer
    interval = trainer.val_check_interval
    if isinstance(interval, int):  # of batches
        return interval / trainer.accumulate_grad_batches
    return steps * (trainer.check_val_every_n_epoch or 1) * (interval if isinstance(interval, float) else 1.0)


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
