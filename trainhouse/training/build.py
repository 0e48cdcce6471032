"""From configuration to objects: the trainer and what goes with it."""

import logging
import os
from pathlib import Path
from typing import Any

import lightning as L

from trainhouse.arrays.batches import Cursor
from trainhouse.arrays.datamodule import DataModule
from trainhouse.checkpoints.model_checkpoints import tell_apart
from trainhouse.checkpoints.writing import AtomicCheckpointIO, CheckpointRecord
from trainhouse.configuration.auto_length import AUTO
from trainhouse.configuration.create import create
from trainhouse.configuration.settings import Train, Trainer
from trainhouse.configuration.speed import fast
from trainhouse.configuration.views import Part
from trainhouse.resuming.exact_data import ExactData
from trainhouse.resuming.exact_resume import ExactResume
from trainhouse.resuming.finders import refuse_finder
from trainhouse.resuming.loops import was_tried
from trainhouse.resuming.ranks import RanksCompared, let_threads_finish_before_forks
from trainhouse.runs.created_below import create_below
from trainhouse.runs.layout import CHECKPOINTS, HISTORY
from trainhouse.training.callbacks import History
from trainhouse.training.data_card import DataCard
from trainhouse.training.non_finite import NonFiniteGuard
from trainhouse.training.optimizer_modes import OptimizerModes
from trainhouse.training.progress_bar import ProgressBar


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
    options = dict(settings.plain)
    if options.get("max_epochs") == AUTO:  # of what only evaluates; a run knows it by now
        options["max_epochs"] = 1
    if not any(isinstance(callback, ProgressBar) for callback in callbacks):
        options["enable_progress_bar"] = False  # Lightning's default bar writes its frames into log files
    lean = fast("lean_loop")
    unprofiled: dict[str, Any] = {}
    if not options.get("profiler"):
        options.pop("profiler", None)
        unprofiled = {"profiler": lean.NoProfiler()} if lean else {}
    is_own = datamodule is not None and not isinstance(datamodule, DataModule)
    own: dict[str, Any] = {} if is_own else {"use_distributed_sampler": False}  # our batches know their rank
    if lean:
        lean.skip_unused_hooks(callbacks)
    trainer = create(
        Part(options),
        "trainer",
        **unprofiled,
        callbacks=callbacks,
        logger=loggers or False,
        default_root_dir=str(folder),
        plugins=[AtomicCheckpointIO()],
        enable_model_summary=False,
        enable_autolog_hparams=False,  # the report logs them, with the final metrics
        **own,
    )
    if step := fast("lean_step"):
        step.use_lean_loop(trainer)
    if is_own and was_tried():
        exact = next((callback for callback in callbacks if isinstance(callback, ExactResume)), None)
        data = ExactData(trainer, seed, *([exact.data_differs] if exact else []))
        if exact:
            exact.data = data
    if trainer.world_size > 1 and was_tried():
        trainer.callbacks.insert(0, RanksCompared())
    if trainer.world_size > 1 and hasattr(os, "register_at_fork"):
        let_threads_finish_before_forks()
    built: L.Trainer = trainer
    return built


def build_callbacks(
    settings: Train, folder: Path, datamodule: L.LightningDataModule, card: DataCard, provenance: dict[str, Any]
) -> list[L.Callback]:
    """Return the project's own callbacks, then those of the configuration, in the order in which they run.

    Without a `monitor` there is no best and no early stopping: callbacks that ask for it are left out.
    """
    cursor = datamodule.cursor if isinstance(datamodule, DataModule) else Cursor()
    own: list[L.Callback] = [
        CheckpointRecord(settings, card.spec, provenance, card.facts, folder / CHECKPOINTS, card.seen),
        ExactResume(settings.seed, cursor),
        NonFiniteGuard(folder, settings.seed),
        OptimizerModes(),
        History(folder / HISTORY, settings.monitor, settings.mode or "min"),
    ]
    configured = {
        f"callbacks.{name}": create_below(folder, part, f"callbacks.{name}")
        for name, part in settings.callbacks.items()
        if not (settings.monitor is None and "monitor" in part and part.get("monitor") is None)
    }
    for key, callback in configured.items():
        refuse_finder(callback, key)
    tell_apart(configured)
    return [*own, *configured.values()]
