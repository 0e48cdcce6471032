"""One training run, from a checked configuration to a finished experiment folder."""

import logging
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies import ParallelStrategy
from lightning.pytorch.utilities import rank_zero_only

from trainhouse.arrays.datamodule import DataModule
from trainhouse.checkpoints.checkpoint import read
from trainhouse.checkpoints.writing import CheckpointRecord
from trainhouse.configuration.settings import Train
from trainhouse.machine.files import check_writable
from trainhouse.resuming.exact_resume import ExactResume
from trainhouse.resuming.restoring import restoring
from trainhouse.resuming.seeding import reseed
from trainhouse.runs.layout import CHECKPOINTS, LAST_CHECKPOINT
from trainhouse.runs.log_position import LogPosition
from trainhouse.runs.loggers import build_loggers
from trainhouse.runs.provenance import provenance
from trainhouse.runs.requeued import remember_to_requeue
from trainhouse.runs.saved_config import write_config
from trainhouse.runs.shown import begin_loggers, end_loggers, training_has_ended
from trainhouse.sweeps.readable import label_of_trial
from trainhouse.training.announcing import announce, warn_of_what_files_may_not_name, write_columns
from trainhouse.training.build import build_callbacks, build_trainer
from trainhouse.training.build_run import BuiltRun, build_run
from trainhouse.training.callbacks import History, log_position
from trainhouse.training.check_callbacks import check_callbacks, not_exact_with
from trainhouse.training.check_processes import refuse_processes
from trainhouse.training.check_sharding import refuse_beside_sharding
from trainhouse.training.chosen import about
from trainhouse.training.compiling import CompileNetworks, check_compiler
from trainhouse.training.failed_ranks import forget_failures, whose_fault
from trainhouse.training.figures_of_test import check_figures, draw_figures, figures_of_run
from trainhouse.training.final_test import directions_of_test, has_test, measure_best
from trainhouse.training.found_values import with_found_values
from trainhouse.training.gradients import GradientLog, check_clipping
from trainhouse.training.last_notes import last_notes
from trainhouse.training.logged_in_trial import Logged
from trainhouse.training.outcome import (
    best_checkpoint,
    early_stop,
    leave_as_stopped,
    metrics_of,
    refuse_divergence,
    result_before,
    stopped_by,
)
from trainhouse.training.predicted import watching_test
from trainhouse.training.progress_bar import close_bar
from trainhouse.training.pruning import Pruning, build_pruning
from trainhouse.training.same_data import refuse_other_data
from trainhouse.training.same_step import ranks_of
from trainhouse.training.signals import StopOnSignal
from trainhouse.training.split_file import write_splits
from trainhouse.training.threads import set_threads, sharing_cores, with_threads_kept
from trainhouse.training.training_result import TrainingResult, recorded, show_result, write_metrics
from trainhouse.training.trying_out import try_out

_log = logging.getLogger(__name__)


def train(
    settings: Train, folder: Path, resume_from: Path | None = None, said_first: Sequence[str] = ()
) -> TrainingResult:
    """Train, test the best model, leave everything in `folder`. Raises `UserError` before training for a mistake.

    `resume_from` is a checkpoint of the same run to resume from; lines `said_first` are said once nothing is refused.
    """
    started = time.perf_counter()
    folder = folder.resolve()  # as Lightning names what it writes
    with StopOnSignal(folder) as stop:
        return _train(settings, folder, resume_from, stop, started, said_first)


@dataclass
class _Ready:
    """A trainer, and what of it the run asks afterwards."""

    trainer: L.Trainer
    loggers: list[Logger]
    logged_before: LogPosition | None  # how far they were, in a run that is resumed
    callbacks: list[L.Callback]
    checkpoint_record: CheckpointRecord
    history: History
    exact: ExactResume
    pruning: Pruning | None


def _train(
    settings: Train,
    folder: Path,
    resume_from: Path | None,
    stop: StopOnSignal,
    started: float,
    said_first: Sequence[str],
) -> TrainingResult:
    set_threads(settings.threads, shares=True)
    built = build_run(settings, resume_from)
    if not resume_from and (found := with_found_values(built, folder)):
        as_typed = {"trainer.max_epochs": settings.trainer.max_epochs}  # auto is another number for another batch size
        built = build_run(found.with_values(as_typed), None)
    check_figures(built.settings, built.module, built.datamodule)
    settings, card = built.settings, built.card
    origin = provenance(card.name, card.fingerprint, settings)
    if resume_from and not isinstance(built.datamodule, DataModule):
        refuse_other_data(resume_from, card.name, card.fingerprint)
    ready = _set_up(built, folder, resume_from, origin, stop)
    warn_of_what_files_may_not_name(settings)
    refuse_processes(ready.trainer, settings.trainer, settings.rank_timeout)
    refuse_beside_sharding(ready.trainer, built.module)
    if settings.compile:
        check_compiler(settings.compile, ready.trainer.strategy.root_device)
    check_writable(folder / CHECKPOINTS)
    before = result_before(folder)
    try:
        forget_failures(folder, ready.trainer)
        _write_start(settings, folder, {"status": "running", "metrics": {}, "provenance": origin, **before})
        write_splits(folder, built.datamodule)
        for line in said_first:
            _log.info("%s", line)
        announce(settings, card, built.module, ready.trainer, folder)
        write_columns(card, folder)
        logged = try_out(built, ready.trainer, ready.callbacks, folder)
        built.settings = ready.checkpoint_record.settings = with_threads_kept(built, ready.trainer)
        if built.settings is not settings:  # so there is one rank
            write_config(folder, built.settings)
            if resume_from and built.settings.threads != 1 and ranks_of(resume_from) in (None, 1):
                ready.exact.not_exact("how many threads it had before was not recorded")
        if ready.loggers:
            begin_loggers(
                ready.loggers,
                about(built.settings, folder),
                step=ready.logged_before.step if ready.logged_before else 0,
            )
        _fit(built, ready, resume_from, logged)
        return _close(built, ready, folder, origin, started)
    except BaseException as met:
        error, recorded = whose_fault(met, ready.trainer, folder, settings.rank_timeout)
        with suppress(Exception):  # the error itself says more
            close_bar(ready.trainer)
            end_loggers(ready.loggers, succeeded=False)
        leave_as_stopped(recorded, folder, {"provenance": origin, **before})
        if error is not met:
            raise error from met
        raise


def _set_up(
    built: BuiltRun, folder: Path, resume_from: Path | None, origin: dict[str, Any], stop: StopOnSignal
) -> _Ready:
    settings, card = built.settings, built.card
    logged_before = log_position(read(resume_from, lazily=True)) if resume_from else None
    loggers = build_loggers(settings.logger, folder, logged_before, label_of_trial(folder))
    callbacks = build_callbacks(settings, folder, built.datamodule, card, origin)
    if settings.log_gradients and loggers:
        callbacks.append(GradientLog())
    if settings.compile:
        callbacks.append(CompileNetworks(settings.compile, built.has_own_module))
    check_callbacks(callbacks, built.module, settings)
    kept = next(callback for callback in callbacks if isinstance(callback, CheckpointRecord))
    history = next(callback for callback in callbacks if isinstance(callback, History))
    exact = next(callback for callback in callbacks if isinstance(callback, ExactResume))
    differs = [f"{card.name} {card.differs}"] if card.differs else []
    for reason in (*differs, *not_exact_with(settings.trainer)):
        exact.not_exact(reason)
    if pruning := build_pruning(settings, history):
        callbacks.append(pruning)
    trainer = build_trainer(settings.trainer, folder, [*callbacks, stop], loggers, built.datamodule, settings.seed)
    if not built.has_own_module:
        check_clipping(trainer, settings.optimizer)
    return _Ready(trainer, loggers, logged_before, callbacks, kept, history, exact, pruning)


def _fit(built: BuiltRun, ready: _Ready, resume_from: Path | None, logged: Logged) -> None:
    settings, module, datamodule, trainer = built.settings, built.module, built.datamodule, ready.trainer
    data = ready.exact.data
    # What shares out rows has an order of its own, for one process too; the other turns shuffling off.
    is_alike = not isinstance(trainer.strategy, ParallelStrategy) and not settings.trainer.overfit_batches
    if data and is_alike and logged.first_batches and not data.expected_first:
        data.expected_first = logged.first_batches
    reseed(settings.seed, "fit")
    with restoring(resume_from), sharing_cores(trainer):
        trainer.fit(module, datamodule=datamodule, ckpt_path=resume_from)


def _close(built: BuiltRun, ready: _Ready, folder: Path, origin: dict[str, Any], started: float) -> TrainingResult:
    """Test the best model, and record what the run has come to."""
    settings, module, datamodule, trainer = built.settings, built.module, built.datamodule, ready.trainer
    monitor, history, directions = settings.monitor, ready.history, built.directions
    training_has_ended(ready.loggers)
    best = best_checkpoint(trainer, folder)
    metrics = metrics_of(best, history)
    refuse_divergence(metrics, monitor, built.has_own_module)
    pruned = ready.pruning is not None and ready.pruning.pruned_after is not None
    never_came = best is None and monitor not in (None, *trainer.callback_metrics)
    if never_came and not pruned and trainer.is_global_zero:
        _log.warning("warning: %s never came, so no model is the best", monitor)
    figures = None
    if not pruned and has_test(module, datamodule):
        others = {*metrics, *trainer.callback_metrics}
        figures = figures_of_run(built, trainer)
        watching = watching_test(built, trainer, figures)
        metrics |= measure_best(trainer, module, datamodule, best, settings.seed, others, watching)
        better = directions | ({monitor: settings.mode} if monitor and settings.mode else {})
        directions |= directions_of_test(better, metrics, others)
    last = folder / LAST_CHECKPOINT
    stands_in = monitor is None and last.is_file()
    why = "pruning" if pruned else stopped_by(trainer)
    result = TrainingResult(
        folder=folder,
        epochs=len(history.rows),
        best_epoch=best.epoch if best else len(history.rows) if stands_in else None,
        best_model=str((best.path if best else last).relative_to(folder)) if best or stands_in else None,
        best_value=metrics.get(monitor or "", math.nan),
        monitor=monitor,
        metrics=metrics,
        seconds=time.perf_counter() - started + history.seconds_before,
        stopped_by=why,
        early_stop=early_stop(trainer),
        baseline=built.card.baseline,
        ends_by_schedule=built.ends_by_schedule,
        notes=last_notes(built, history.rows),
    )
    if trainer.is_global_zero:
        with recorded(result, settings, history, origin, directions, ready.exact.reasons):
            draw_figures(built, result, history.rows, figures)
            show_result(result, settings.mode, history, ready.loggers)
    return result


@rank_zero_only
def _write_start(settings: Train, folder: Path, content: dict[str, Any]) -> None:
    write_config(folder, settings)
    write_metrics(folder, content)
    remember_to_requeue(folder)
