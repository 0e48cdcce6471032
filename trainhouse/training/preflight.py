"""One training and one validation batch through a copy of everything, before the first epoch.

A name that nothing logs, a loss that can't be computed, a network that can't go backward, a state that no checkpoint
can hold: found in a moment, and not at the end of the first epoch.
"""

import copy
import inspect
import linecache
import logging
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.loggers.logger import DummyLogger

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.preprocessing_datamodule import PreprocessingDataModule
from trainhouse.configuration.create import refusal_line
from trainhouse.configuration.errors import UserError, refusal_of_lightning
from trainhouse.configuration.settings import Trainer
from trainhouse.reports.names import split_of
from trainhouse.resuming.exact_data import ExactData
from trainhouse.resuming.logged_values import logged_directions, logged_twice
from trainhouse.resuming.loops import was_tried
from trainhouse.resuming.seeded_evaluation import SeededEvaluation
from trainhouse.resuming.seeding import random_states_kept
from trainhouse.runs.this_job import is_worker_rank
from trainhouse.training.check_sharding import shares_weights
from trainhouse.training.logged_in_trial import Logged
from trainhouse.training.optimizer_modes import OptimizerModes
from trainhouse.training.preflight_callbacks import GradientsMissed, SaveOnce, WhereItIs
from trainhouse.training.quiet import NOTHING_LEFT
from trainhouse.training.trainer_arguments import trial_arguments

_log = logging.getLogger(__name__)


def preflight(
    module: L.LightningModule,
    datamodule: L.LightningDataModule,
    callbacks: Sequence[L.Callback],
    options: Trainer,
    seed: int = 0,
    folder: Path | None = None,
) -> Logged:
    """Train and validate a copy of `module` for a batch each, and look for what the schedule monitors.

    `options` are the Trainer's. Returns what is logged. Nothing is left behind: the module, the data's cursor and the
    random states are as before. With a `folder`, a run's own, a checkpoint is written there, read back and removed.
    Raises `UserError` for a state that no checkpoint can hold, and whatever the step
    itself raises.
    """
    if is_worker_rank():  # the first process looks for all
        return Logged()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # what it says of itself is not for this trial
    try:
        copied = copy.deepcopy(module)
    except Exception as error:  # whatever its members think of being copied
        _log.info("preflight: left out, as the module can't be copied (%s)", " ".join(str(error).split())[:120])
        return Logged()
    is_own = not isinstance(datamodule, DataModule)
    like_run = trial_arguments(options)
    stage, saving, missed = WhereItIs(), SaveOnce(folder, callbacks), GradientsMissed()
    trainer = L.Trainer(
        devices=1,
        fast_dev_run=True,
        logger=DummyLogger(),  # modules may write to theirs
        callbacks=[SeededEvaluation(seed), OptimizerModes(), stage, saving, missed],
        **{**like_run, "plugins": [*like_run["plugins"], saving.io]},
        **NOTHING_LEFT,
        inference_mode=options.inference_mode,
    )
    data = ExactData(trainer, seed) if is_own and was_tried() else None
    with warnings.catch_warnings(), random_states_kept():
        warnings.simplefilter("ignore")  # the run itself will say them
        try:
            _fit(trainer, copied, datamodule)
        except UserError:
            raise
        except Exception as error:
            if isinstance(error, torch.OutOfMemoryError) and shares_weights(options):
                _log.info("preflight: left out, as the network doesn't fit into one GPU by itself")
                return Logged()
            _refuse_optimizer(error, trainer.optimizers)
            if isinstance(error, ValueError):
                _refuse_value(error, module, datamodule)
            if refusal := refusal_of_lightning(error):  # such as a schedule that monitors what is not logged
                raise UserError(f"preflight: {refusal}") from error
            if not stage.is_at_an_end:
                raise
            _say_of_an_end(error)

    if is_own and trainer.num_training_batches == 0:
        raise UserError(
            f"data: the train_dataloader of {type(datamodule).__name__} has no batch; with drop_last=True one that "
            "isn't full is left out"
        )
    logged = Logged(sorted(trainer.callback_metrics), of_validation=stage.of_validation, is_complete=stage.is_done)
    if was_tried():
        logged.directions, logged.twice = logged_directions(trainer), logged_twice(trainer)
    logged.without_gradient = missed.names
    logged.first_batches = data.first_digests if data else []
    _check_plateau(trainer, options)
    return logged


def _fit(trainer: L.Trainer, module: L.LightningModule, datamodule: L.LightningDataModule) -> None:
    if not isinstance(datamodule, DataModule):
        trainer.fit(module, datamodule=datamodule)
        return
    if isinstance(datamodule, PreprocessingDataModule):
        _preprocess(module, datamodule)
    validation = datamodule.trial_batches("val") if datamodule.row_count("val") else None
    trainer.fit(module, datamodule.trial_batches("train"), validation)


def _refuse_value(error: ValueError, module: L.LightningModule, datamodule: L.LightningDataModule) -> None:
    """Raise `UserError` for a value that some key of the configuration has set, if it is plain which."""
    is_own = not isinstance(datamodule, DataModule)
    if "more than 1 value per channel" in str(error):
        key = "the DataModule's batch size" if is_own else "data.batch_size"
        raise UserError(f"{key}: batch normalisation needs batches of 2 rows at least") from error
    if refusal_of_lightning(error):
        return
    if "configure_optimizers" in _functions(error):
        raise UserError(refusal_line(error, "model", inspect.signature(type(module)).parameters)) from error
    if is_own and _functions(error) & {"setup", "train_dataloader", "val_dataloader"}:
        raise UserError(refusal_line(error, "data", inspect.signature(type(datamodule)).parameters)) from error


def _refuse_optimizer(error: Exception, optimizers: Sequence[torch.optim.Optimizer]) -> None:
    """Raise `UserError` for what an optimizer refuses in a step, as torch's SparseAdam dense gradients."""
    frame, line = list(traceback.walk_tb(error.__traceback__))[-1]
    raised_in = str(frame.f_globals.get("__name__", ""))
    is_refusal = linecache.getline(frame.f_code.co_filename, line).strip().startswith("raise ")
    for optimizer in optimizers if is_refusal else ():
        if raised_in in {one.__module__ for one in type(optimizer).__mro__} - {"builtins"}:
            said = " ".join(str(error).split())
            raise UserError(f"optimizer: {type(optimizer).__name__}: {said}") from error


def _check_plateau(trainer: L.Trainer, options: Trainer) -> None:
    """A schedule that waits for a validation has to be asked after one: Lightning notices after the first epoch."""
    every = options.check_val_every_n_epoch or 1
    for config in trainer.lr_scheduler_configs:
        waits = config.reduce_on_plateau and config.interval == "epoch" and split_of(str(config.monitor)) == "val"
        if waits and config.strict and config.frequency % every:
            raise UserError(
                f"trainer.check_val_every_n_epoch: {every}, but the schedule asks for {config.monitor} every "
                f"{config.frequency} epochs; set frequency={every} in configure_optimizers, or validate as often"
            )


def _preprocess(module: L.LightningModule, datamodule: PreprocessingDataModule) -> None:
    """Give a copy of a module the batches that the DataModule would make of these."""
    preprocessing = copy.deepcopy(datamodule.preprocessing)

    def preprocess(batch: Any, dataloader_idx: int) -> Any:
        return preprocessing.to(batch[0].device)(batch[0]), *batch[1:]

    module.on_after_batch_transfer = preprocess  # type: ignore[method-assign]


def _functions(error: BaseException) -> set[str]:
    """The names of the functions that an error has come through."""
    return {frame.name for frame in traceback.extract_tb(error.__traceback__)}


def _say_of_an_end(error: Exception) -> None:
    """A metric may need more than a batch, such as every class once."""
    _log.warning(
        "warning: the end of an epoch of one batch fails (%s: %s); with all batches it may be right",
        type(error).__name__,
        " ".join(str(error).split())[:200],
    )
