"""From configuration to objects: the trainer and what goes with it."""

import logging
import os
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.callbacks import ModelSummary as LightningModelSummary
from lightning.pytorch.callbacks import ProgressBar as AnyProgressBar

from trainhouse.arrays.batches import Cursor
from trainhouse.arrays.datamodule import DataModule
from trainhouse.checkpoints.model_checkpoints import tell_apart
from trainhouse.checkpoints.writing import CheckpointRecord
from trainhouse.configuration.auto_length import AUTO
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Train, Trainer
from trainhouse.configuration.speed import fast
from trainhouse.resuming.exact_data import ExactData
from trainhouse.resuming.exact_resume import ExactResume
from trainhouse.resuming.finders import refuse_finder
from trainhouse.resuming.loops import was_tried
from trainhouse.resuming.ranks import RanksCompared, let_threads_finish_before_forks
from trainhouse.resuming.shares import with_exact_means
from trainhouse.runs.created_below import create_below
from trainhouse.runs.layout import CHECKPOINTS, HISTORY
from trainhouse.training.callbacks import History, LastCheckpoint
from trainhouse.training.data_card import DataCard
from trainhouse.training.left_out import bars_off, left_out
from trainhouse.training.model_summary import ModelSummary
from trainhouse.training.non_finite import NonFiniteGuard
from trainhouse.training.optimizer_modes import OptimizerModes
from trainhouse.training.trainer_arguments import make_trainer, trainer_arguments


def build_trainer(
    settings: Trainer,
    folder: Path,
    callbacks: list[L.Callback],
    loggers: list[Any],
    datamodule: L.LightningDataModule | None = None,
    seed: int = 0,
) -> L.Trainer:
    """Return a trainer that writes below `folder` only.

    The loaders of a `datamodule` of the user's own are shared out among ranks as Lightning does it, and seeded.
    """
    # It sets its level when it is imported; what it says below a warning is about itself, but for profiles.
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("lightning.pytorch.profilers").setLevel(logging.INFO)
    is_own = datamodule is not None and not isinstance(datamodule, DataModule)
    options = trainer_arguments(settings, folder, shares_rows=not is_own)  # our batches know their rank
    if options.get("max_epochs") == AUTO:  # of what only evaluates; a run knows it by now
        options["max_epochs"] = 1
    if settings.get("enable_progress_bar") is False:  # an evaluation has its bar from nobody's configuration
        callbacks = [callback for callback in callbacks if not isinstance(callback, AnyProgressBar)]
    if not any(isinstance(callback, AnyProgressBar) for callback in callbacks):
        options["enable_progress_bar"] = False  # Lightning's default bar writes its frames into log files
    lean = fast("lean_loop")
    is_bare = bool(settings.get("barebones"))
    if not options.get("profiler"):
        options.pop("profiler", None)
        if lean and not is_bare:
            options["profiler"] = lean.NoProfiler()
    if lean:
        lean.skip_unused_hooks(callbacks)
    # To Lightning these write checkpoints, as nothing does in a bare run.
    later = [callback for callback in callbacks if is_bare and isinstance(callback, Checkpoint)]
    trainer: Any = make_trainer(
        settings,
        options,
        callbacks=[callback for callback in callbacks if callback not in later],
        logger=loggers or False,
        default_root_dir=str(folder),
        enable_model_summary=False,
        enable_autolog_hparams=False,  # the report logs them, with the final metrics
    )
    trainer.callbacks += later
    if not isinstance(interval := settings.get("val_check_interval"), int | float | None):
        trainer.val_check_interval = interval  # which Lightning's callbacks ask for, and it leaves out for a time
    if step := fast("lean_step"):
        step.use_lean_loop(trainer)
    if is_own and was_tried():
        exact = next((callback for callback in callbacks if isinstance(callback, ExactResume)), None)
        data = ExactData(trainer, seed, *([exact.data_differs] if exact else []))
        if exact:
            exact.data = data
    if trainer.world_size > 1 and was_tried():
        trainer.callbacks.insert(0, RanksCompared())
        if not is_own:
            trainer.strategy.reduce = with_exact_means(trainer.strategy.reduce)
    if trainer.world_size > 1 and hasattr(os, "register_at_fork"):
        let_threads_finish_before_forks()
    built: L.Trainer = trainer
    return built


def build_callbacks(
    settings: Train, folder: Path, datamodule: L.LightningDataModule, card: DataCard, provenance: dict[str, Any]
) -> list[L.Callback]:
    """Return the project's own callbacks, then those of the configuration, in the order in which they run.

    Some may be left out: see `left_out`.
    """
    cursor = datamodule.cursor if isinstance(datamodule, DataModule) else Cursor()
    own: list[L.Callback] = [
        CheckpointRecord(settings, card.spec, provenance, card.facts, folder / CHECKPOINTS, card.seen),
        ExactResume(settings.seed, cursor),
        NonFiniteGuard(folder, settings.seed),
        OptimizerModes(),
        History(folder / HISTORY, settings.monitor, settings.mode or "min"),
    ]
    without = left_out(settings)
    configured = {
        f"callbacks.{name}": create_below(folder, part, f"callbacks.{name}")
        for name, part in settings.callbacks.items()
        if name not in without
    }
    for key, callback in configured.items():
        if not isinstance(callback, L.Callback):
            target = settings.callbacks.plain[key.partition(".")[2]]["_target_"]
            raise UserError(f"{key}._target_: expected a Callback of Lightning's or a subclass, got {target}")
        refuse_finder(callback, key)
    tell_apart(configured)
    summary = [ModelSummary()] if settings.trainer.get("enable_model_summary") else []
    if any(isinstance(callback, (ModelSummary, LightningModelSummary)) for callback in configured.values()):
        summary = []
    # What LastCheckpoint saves is then the state of all others after the same batch, or epoch.
    in_order = sorted(configured.values(), key=lambda callback: isinstance(callback, LastCheckpoint))
    return [*own, *summary, *bars_off(settings.trainer), *in_order]
