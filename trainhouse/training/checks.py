"""What can be known before training of a configuration that is right key by key, and wrong as a whole."""

import math
import os
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.utilities.model_helpers import is_overridden

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.spec import DataSpec
from trainhouse.checkpoints.model_checkpoints import check_checkpoint
from trainhouse.configuration.create import located
from trainhouse.configuration.errors import NO_SHARED_MEMORY, UserError, did_you_mean
from trainhouse.configuration.settings import Train, Trainer
from trainhouse.machine.devices import check_devices
from trainhouse.machine.ranks import are_unequal, ranks, uneven_tasks
from trainhouse.reports.names import split_of
from trainhouse.runs.layout import BEST_MODEL
from trainhouse.training.monitoring import check_callback, check_direction

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # where Linux has it
_BATCHES_AHEAD = 2  # that each worker makes ready, by torch's default


def check_run(settings: Train, datamodule: DataModule, directions: dict[str, str] | None) -> None:
    """Raise `UserError` for a run that would end late, end without a best model, or take the worst for the best.

    `directions` are those of all that the module around a network logs; None for a module that makes no such promise.
    """
    if directions is not None and settings.monitor is not None:
        _check_monitor(settings.monitor, settings.mode, directions)
    _check_callbacks(settings, directions or {})
    _check_length(settings.trainer)
    check_precision(settings.trainer.precision, datamodule.spec)
    _check_batches(settings, datamodule)
    _check_shared_memory(settings.data.num_workers, datamodule)
    check_validated(settings, datamodule, ())


def check_loaders(settings: Train) -> None:
    """Raise `UserError` for a LightningModule with loaders of its own: those of the data would replace them."""
    found = located(settings.model, "model")
    hooks = ("train_dataloader", "val_dataloader", "test_dataloader", "predict_dataloader")
    if own := [hook for hook in hooks if getattr(found, hook, None) is not getattr(L.LightningModule, hook)]:
        raise UserError(
            f"model: {settings.model.target} has {', '.join(own)} of its own, but the data comes from data= "
            f"({settings.data.target}); move them into a LightningDataModule that a file in conf/data/ names, or "
            "delete them"
        )


def check_own_run(settings: Train, datamodule: L.LightningDataModule, module: L.LightningModule) -> None:
    """Raise `UserError` for what can be known of a run with a user's DataModule before it is asked for a batch."""
    _check_callbacks(settings, {})
    _check_length(settings.trainer)
    if settings.trainer.limit_train_batches == 0:
        raise UserError("trainer.limit_train_batches: 0 leaves nothing to train on")
    if not is_overridden("train_dataloader", datamodule):
        raise UserError(f"data: {type(datamodule).__name__} has no train_dataloader, so there is nothing to train on")
    validates = is_overridden("val_dataloader", datamodule) and is_overridden("validation_step", module)
    monitor = settings.monitor
    if monitor is not None and split_of(monitor) == "val" and not validates:
        lacking = "val_dataloader" if not is_overridden("val_dataloader", datamodule) else "validation_step"
        owner = datamodule if lacking == "val_dataloader" else module
        raise UserError(
            f"monitor: {monitor} needs validation, but {type(owner).__name__} has no {lacking}; set monitor to what "
            "training logs, or monitor=null"
        )
    check_validated(settings, datamodule, ())


def check_validated(settings: Train, datamodule: L.LightningDataModule, of_validation: Collection[str]) -> None:
    """Raise `UserError` if what is monitored comes from validation, and the run ends before there is one.

    `of_validation` are the names that are known to; a name such as ``val_loss`` says it by itself.
    """
    monitor = settings.monitor
    if monitor is None or (split_of(monitor) != "val" and monitor not in of_validation):
        return
    _check_that_it_validates(settings.trainer, monitor)
    if isinstance(datamodule, DataModule):
        _check_validation(settings, datamodule)


def _check_monitor(monitor: str, mode: str | None, directions: dict[str, str]) -> None:
    """A wrong name would otherwise end the run after its first epoch."""
    names = [name for name in directions if not name.startswith("test/")]
    if monitor not in names:
        raise UserError(
            f"monitor: '{monitor}' is not logged{did_you_mean(monitor, names)} (there are: {', '.join(names)})"
        )
    check_direction("mode", mode, monitor, directions)


def _check_callbacks(settings: Train, directions: dict[str, str]) -> None:
    for name, part in settings.callbacks.items():
        if not part.is_mapping:
            continue
        key = f"callbacks.{name}"
        check_callback(key, part, directions)
        check_checkpoint(part, key)
        if settings.monitor is None and "monitor" in part and part.get("monitor") is None:
            continue  # left out
        if name == "best_checkpoint" and part.get("monitor") is None:
            raise UserError(f"{key}.monitor: the best model needs a value to be best by; {key}=null keeps none")
        if name == "best_checkpoint" and f"{part.get('filename')}.ckpt" != BEST_MODEL.rpartition("/")[2]:
            raise UserError(f"{key}.filename: has to be best_model, by which the other commands find it")
    scheduler = settings.scheduler
    if "mode" in scheduler and settings.monitor is not None:
        check_direction("scheduler.mode", scheduler.get("mode"), settings.monitor, directions)


def _check_length(trainer: Trainer) -> None:
    most, least = trainer.epochs, trainer.min_epochs
    if least is not None and most not in (None, -1) and least > most:
        raise UserError(f"trainer.min_epochs: {least} are more than trainer.max_epochs={most}")
    _check_ranks(trainer)
    clusters = ("TORCHELASTIC_RUN_ID", "MASTER_ADDR", "LSB_JOBID", "KUBERNETES_PORT")
    if trainer.num_nodes > 1 and not ranks().launcher and not any(name in os.environ for name in clusters):
        raise UserError(
            f"trainer.num_nodes: {trainer.num_nodes} machines would never meet, as nobody has started a "
            "process on each; start it by srun or torchrun, or set trainer.num_nodes=1"
        )


def _check_ranks(trainer: Trainer) -> None:
    """Raise `UserError` for a number of devices that can't be, or that differs from what a launcher has started."""
    here, devices = ranks(), trainer.get("devices")
    if counts := uneven_tasks():
        each = " and ".join(map(str, counts))
        raise UserError(
            f"srun has started {each} tasks on {len(counts)} machines, and they have to be equally many on each; set "
            "--ntasks-per-node"
        )
    if here.launcher and are_unequal(here):
        raise UserError(
            f"{here.launcher} has started {here.world} processes, not equally many on each machine, as they have to be"
        )
    check_devices(devices, trainer.accelerator)
    if isinstance(devices, list):
        devices = len(devices)
    if not here.launcher or not isinstance(devices, int) or devices < 1:
        return
    is_known = here.launcher in ("srun", "torchrun")  # how many there are on this machine
    count = devices * trainer.num_nodes
    if count != here.world or (is_known and devices != here.local_world):
        started = f"{here.world}" if count != here.world else f"{here.local_world} on each of {here.machines} machines"
        raise UserError(
            f"trainer.devices: {devices} on trainer.num_nodes={trainer.num_nodes} are {count} processes, but "
            f"{here.launcher} has started {started}; leave both keys out, or start as many"
        )


def check_precision(precision: Any, spec: DataSpec) -> None:
    """Raise `UserError` for a precision in which the Trainer rounds rows before the first layer has standardised them.

    Bytes and classes aren't rounded.
    """
    if precision in ("16-true", "bf16-true") and (spec.dtype != "uint8" or not spec.classes):
        mixed = precision.replace("true", "mixed")
        raise UserError(
            f"trainer.precision: {precision} rounds numbers to three digits before they are standardised; use {mixed}"
        )


def _check_batches(settings: Train, datamodule: DataModule) -> None:
    """A limit that leaves no batch is noticed by Lightning when it comes to it: for the test after all training."""
    trainer = settings.trainer
    for split in ("train", "val", "test"):
        limit = _limit(trainer, split)
        if datamodule.row_count(split) and 0 < limit < 1 and _batches(settings, datamodule, split) == 0:
            raise UserError(f"trainer.limit_{split}_batches: {limit} of the {split} split's batches is none; raise it")
    if _batches(settings, datamodule, "train") == 0:
        raise UserError("trainer.limit_train_batches: 0 leaves nothing to train on")
    overfit = trainer.overfit_batches
    if 0 < overfit < 1 and int(overfit * _batches(settings, datamodule, "train")) == 0:
        raise UserError(f"trainer.overfit_batches: {overfit} of the training batches is none; give their number")


def _check_shared_memory(workers: int, datamodule: DataModule) -> None:
    """A worker that finds no room for its batch says so by itself, over many lines, and is waited for."""
    if not workers or not _SHARED_MEMORY.is_dir():
        return
    rows, _ = datamodule.parts["train"]
    needed = workers * _BATCHES_AHEAD * datamodule.batch_size * rows.x[0].nbytes
    free = shutil.disk_usage(_SHARED_MEMORY).free
    if free < needed:
        raise UserError(f"data.num_workers: shared memory is {NO_SHARED_MEMORY}; {free:,} bytes of {needed:,} are free")


def _limit(trainer: Trainer, split: str) -> float:
    limit: float = getattr(trainer, f"limit_{split}_batches")
    return limit


def _batches(settings: Train, datamodule: DataModule, split: str) -> int:
    """The number of batches of an epoch that the Trainer's limit leaves."""
    batches = math.ceil(datamodule.row_count(split) / settings.data.batch_size)
    limit = _limit(settings.trainer, split)
    return min(batches, limit) if isinstance(limit, int) else int(batches * limit)


def _check_that_it_validates(trainer: Trainer, monitor: str) -> None:
    if trainer.limit_val_batches == 0:
        raise UserError(
            f"monitor: {monitor} needs validation, but trainer.limit_val_batches=0; set monitor to what training logs, "
            "as train/loss, or monitor=null"
        )
    every, epochs = trainer.check_val_every_n_epoch, trainer.epochs
    if every is not None and epochs not in (None, -1) and every > epochs:
        raise UserError(
            f"trainer.check_val_every_n_epoch: {every} is after the last of trainer.max_epochs={epochs}, so {monitor} "
            "never comes"
        )


def _check_validation(settings: Train, datamodule: DataModule) -> None:
    """The monitored value comes from validation, so the run has to get there."""
    trainer, monitor = settings.trainer, settings.monitor
    if datamodule.row_count("val") == 0:
        raise UserError(f"monitor: {monitor} needs validation rows, but data.split leaves none; set monitor=train/loss")
    every = trainer.check_val_every_n_epoch
    batches, interval = _batches(settings, datamodule, "train"), trainer.val_check_interval
    if not isinstance(interval, int | float):
        return  # a time: nobody knows how many batches that are
    if isinstance(interval, int) and every is not None and interval > batches:
        raise UserError(f"trainer.val_check_interval: {interval} batches, but an epoch has {batches}")
    first = interval if isinstance(interval, int) else int(batches * interval) * (every or 1)
    last = trainer.max_steps * trainer.accumulate_grad_batches
    if 0 <= last < first:
        raise UserError(
            f"trainer.max_steps: the run ends after {last} batches, its first validation, which gives {monitor}, comes "
            f"after {first}; raise it or lower trainer.val_check_interval"
        )
