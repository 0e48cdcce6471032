"""One training run, from a checked configuration to a finished experiment folder."""

import logging
import math
import multiprocessing
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.callbacks.early_stopping import EarlyStopping, EarlyStoppingReason
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch.nn.parameter import is_lazy

from trainhouse.arrays.datamodule import DataModule
from trainhouse.checkpoints.checkpoint import RECORD, Checkpoint, load_checkpoint, read, seen_in, spec_in
from trainhouse.checkpoints.fine_tuning import initialise, read_initial
from trainhouse.configuration.bounded import read_mapping
from trainhouse.configuration.errors import Interrupted, UserError, fault_of_the_machine
from trainhouse.configuration.targets import check_config
from trainhouse.machine.files import check_writable
from trainhouse.machine.terminal import doing
from trainhouse.reports.figures import COLUMNS
from trainhouse.reports.names import split_of
from trainhouse.resuming.exact_resume import ExactResume
from trainhouse.resuming.restoring import restoring
from trainhouse.resuming.seeding import reseed
from trainhouse.runs.links import named_in
from trainhouse.runs.loggers import build_loggers, log_hyperparameters
from trainhouse.runs.provenance import provenance
from trainhouse.runs.run_folder import (
    BEST_MODEL,
    CHECKPOINTS,
    LAST_CHECKPOINT,
    METRICS,
    is_sweep_job,
    is_worker_rank,
    shown_path,
    write_config,
)
from trainhouse.training.build import build_callbacks, build_trainer
from trainhouse.training.build_data import build_data
from trainhouse.training.build_module import build_module, is_lightning_module
from trainhouse.training.callbacks import History, log_position
from trainhouse.training.checks import check_loaders, check_own_run, check_run, check_validated
from trainhouse.training.compiling import check_compiler, compile_network
from trainhouse.training.data_card import DataCard, card_of, with_earlier
from trainhouse.training.final_test import directions_of_test, has_test, measure_best
from trainhouse.training.monitoring import check_logged, check_mode_is_said, with_own_monitor
from trainhouse.training.preflight import Logged, preflight
from trainhouse.training.pruning import build_pruning
from trainhouse.training.result import TrainingResult, hyperparameters, record, write_metrics
from trainhouse.training.signals import StopOnSignal
from trainhouse.training.threads import set_threads, spare_threads
from trainhouse.training.unread import refuse_unread

_log = logging.getLogger(__name__)


def train(config: dict[str, Any], folder: Path, resume_from: Path | None = None) -> TrainingResult:
    """Train, test the best model, leave everything in `folder`. Raises `UserError` before training for a mistake.

    `resume_from` is a checkpoint of the same run to resume from.
    """
    started = time.perf_counter()
    folder = folder.resolve()  # as Lightning names what it writes
    with StopOnSignal(folder) as stop:
        return _train(config, folder, resume_from, stop, started)


def _train(
    config: dict[str, Any], folder: Path, resume_from: Path | None, stop: StopOnSignal, started: float
) -> TrainingResult:
    set_threads(config["threads"])
    seed = config["seed"]
    initial = read_initial(config) if config["init_from"] and not resume_from else None
    has_own_module = is_lightning_module(config["model"])
    refuse_unread(config, has_own_module)
    if has_own_module and not resume_from:
        check_loaders(config)
    reseed(seed, "init")
    then = spec_in(resume_from) if resume_from else None
    with doing("reading the data"):
        datamodule = build_data(config["data"], seed, preprocessed=has_own_module, like=then)
        if resume_from and isinstance(datamodule, DataModule):
            _check_same_rows(resume_from, datamodule)
        card = card_of(datamodule, seed)
    earlier = seen_in(resume_from) if config["init_from"] and resume_from else initial.seen if initial else None
    card = with_earlier(card, datamodule, earlier)
    if not isinstance(datamodule, DataModule):
        reseed(seed, "init")
        datamodule = build_data(config["data"], seed)  # the one that was asked has been set up, and may have drawn
    reseed(seed, "init")
    module = build_module(config, datamodule, card)
    if not resume_from:
        config = with_own_monitor(config, module)
    directions = dict(getattr(module, "directions", None) or {})
    if isinstance(datamodule, DataModule):
        check_run(config, datamodule, directions if not has_own_module else None)
    else:
        check_own_run(config, datamodule, module)
    if initial:
        initialise(module, initial, config)
    origin = provenance(card.name, card.fingerprint, config)
    if resume_from and not isinstance(datamodule, DataModule):
        _refuse_other_data(resume_from, card.name, card.fingerprint)
    logged_before = log_position(read(resume_from, lazily=True)) if resume_from else None
    loggers = build_loggers(config.get("logger"), folder, logged_before)
    log_hyperparameters(loggers, hyperparameters(config), None)
    callbacks = build_callbacks(config, folder, datamodule, card, origin)
    history = next(callback for callback in callbacks if isinstance(callback, History))
    exact = next(callback for callback in callbacks if isinstance(callback, ExactResume))
    if card.differs:
        exact.not_exact(f"{card.name} {card.differs}")
    if pruning := build_pruning(config, history):
        callbacks.append(pruning)
    trainer = build_trainer(config, folder, [*callbacks, stop], loggers, datamodule, seed)

    _warn_of_what_files_may_not_name(config)
    _refuse_processes(trainer, config)
    if config["compile"]:
        check_compiler(trainer.strategy.root_device)
    check_writable(folder / CHECKPOINTS)
    before = _result_before(folder)
    try:
        _write_start(config, folder, {"status": "running", "metrics": {}, "provenance": origin, **before})
        _announce(config, card, module, trainer, folder)
        logged = Logged()
        if config["preflight"]:
            with doing("trying out a batch"):
                logged = _preflight(config, folder, module, callbacks, datamodule)
            directions = logged.directions | directions
            check_logged(config, logged, directions)
            check_validated(config, datamodule, logged.of_validation)
        if has_own_module and not is_worker_rank():
            check_mode_is_said(config, directions)
        is_alike = trainer.world_size == 1 and not config["trainer"]["overfit_batches"]  # which turns shuffling off
        if exact.data and is_alike and logged.first_batches and not exact.data.expected_first:
            exact.data.expected_first = logged.first_batches
        chooses_threads = config["threads"] is None and trainer.strategy.root_device.type == "cpu"
        if isinstance(datamodule, DataModule) and not has_own_module and chooses_threads:
            spare_threads(module, datamodule.trial_batches("train"))
        if config["compile"]:
            compile_network(module)
        reseed(seed, "fit")
        with restoring(resume_from):
            trainer.fit(module, datamodule=datamodule, ckpt_path=resume_from)
        best = _best_checkpoint(trainer, folder)
        metrics = _metrics_of(best, history)
        _refuse_divergence(metrics, config["monitor"], has_own_module)
        pruned = pruning is not None and pruning.pruned_after is not None
        never_came = best is None and config["monitor"] not in (None, *trainer.callback_metrics)
        if never_came and not pruned and trainer.is_global_zero:
            _log.warning("warning: %s never came, so no model is the best", config["monitor"])
        if not pruned and has_test(module, datamodule):
            others = {*metrics, *trainer.callback_metrics}
            metrics |= measure_best(trainer, module, datamodule, best, seed, others)
            better = directions | ({config["monitor"]: config["mode"]} if config["monitor"] else {})
            directions |= directions_of_test(better, metrics, others)
        last = folder / LAST_CHECKPOINT
        stands_in = config["monitor"] is None and last.is_file()
        result = TrainingResult(
            folder=folder,
            epochs=len(history.rows),
            best_epoch=best.epoch if best else len(history.rows) if stands_in else None,
            best_model=str((best.path if best else last).relative_to(folder)) if best or stands_in else None,
            best_value=metrics.get(config["monitor"] or "", math.nan),
            monitor=config["monitor"],
            metrics=metrics,
            seconds=time.perf_counter() - started + history.seconds_before,
        )
        if trainer.is_global_zero:
            stopped_by = "pruning" if pruned else _stopped_by(trainer)
            record(result, config, history, origin, loggers, stopped_by, directions, exact.reasons)
    except BaseException as error:
        is_stopped = isinstance(error, (Interrupted, KeyboardInterrupt, SystemExit))  # the last is submitit's
        status = "interrupted" if is_stopped else "failed"
        fault = fault_of_the_machine(error) if isinstance(error, Exception) else None
        told = {"error": fault or str(error) or type(error).__name__} if status == "failed" else {}
        if not folder.exists():
            gone = f"{folder}: was deleted or moved while the run was at work; start it again"
            raise UserError(gone) if status == "failed" else error from error
        with suppress(OSError):  # a full disk: the error itself says more
            write_metrics(folder, {"status": status, **told, "metrics": {}, "provenance": origin, **before})
        for worker in multiprocessing.active_children():  # one that hangs would be waited for
            worker.kill()
        raise
    return result


def _preflight(
    config: dict[str, Any],
    folder: Path,
    module: L.LightningModule,
    callbacks: list[L.Callback],
    datamodule: L.LightningDataModule,
) -> Logged:
    """Try out a batch; a user's DataModule is built once more for that, so that the run's own is left as it is."""
    tried = datamodule
    if not isinstance(datamodule, DataModule):
        reseed(config["seed"], "init")
        tried = build_data(config["data"], config["seed"])
    return preflight(module, tried, callbacks, config["trainer"], config["seed"], folder, config["monitor"])


@rank_zero_only
def _warn_of_what_files_may_not_name(config: dict[str, Any]) -> None:
    for key, value in config.items():
        try:
            check_config({key: value}, "warning", own=True)
        except UserError as error:
            readers = "eval.py, infer.py and resume=" if key in ("model", "data") else "resume="
            _log.warning("%s; until it may, %s will refuse what this run saves", error, readers)


def _refuse_processes(trainer: L.Trainer, config: dict[str, Any]) -> None:
    """Processes that are spawned give nothing back; those that run a sweep's command line would run all of it."""
    if type(trainer.strategy.launcher).__name__.endswith("MultiProcessingLauncher"):
        raise UserError(
            f"trainer.strategy: {config['trainer'].get('strategy')} starts processes that keep what they learn "
            "to themselves; use ddp"
        )
    if is_sweep_job() and type(trainer.strategy.launcher).__name__.endswith("SubprocessScriptLauncher"):
        raise UserError(
            f"trainer.devices: {trainer.num_devices} processes can't be started from a job of a sweep; set "
            "trainer.devices=1, start the jobs one by one, or let SLURM start the processes (launcher=submitit)"
        )


def _result_before(folder: Path) -> dict[str, Any]:
    """What a run that goes on beyond its end had come to: kept until there is a new result."""
    try:
        content = read_mapping(folder / METRICS) or {}
    except UserError:
        return {}
    before = content if content.get("status") == "completed" else content.get("before")
    return {"before": before} if before else {}


def _check_same_rows(resume_from: Path, datamodule: DataModule) -> None:
    then = _fingerprint_then(resume_from)
    if datamodule.has_other_form(then):  # before all of it is read
        raise UserError(
            f"{datamodule.source}: has changed since the run was started (other shapes or types), so the run can't go "
            "on as it would have; restore it, or start a new run with init_from="
        )
    if not datamodule.is_named(then):
        _refuse_other_data(resume_from, datamodule.source, datamodule.fingerprint)


def _refuse_other_data(resume_from: Path, name: str, fingerprint: str) -> None:
    if (then := _fingerprint_then(resume_from)) != fingerprint:
        raise UserError(
            f"{name}: has changed since the run was started (fingerprint {fingerprint}, "
            f"then {then}), so the run can't go on as it would have; restore it, or start a new run with init_from="
        )


def _fingerprint_then(resume_from: Path) -> str:
    return str(read(resume_from, lazily=True)[RECORD]["provenance"]["data_fingerprint"])


def _stopped_by(trainer: L.Trainer) -> str:
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, EarlyStopping) and callback.stopping_reason != EarlyStoppingReason.NOT_STOPPED:
            return "early stopping"
    if trainer.max_epochs is not None and trainer.current_epoch == trainer.max_epochs:
        return "max_epochs"
    return "max_steps" if trainer.global_step == trainer.max_steps else "max_time"


@rank_zero_only
def _write_start(config: dict[str, Any], folder: Path, content: dict[str, Any]) -> None:
    write_config(folder, config)
    write_metrics(folder, content)


@rank_zero_only
def _announce(
    config: dict[str, Any], card: DataCard, module: L.LightningModule, trainer: L.Trainer, folder: Path
) -> None:
    weights = sum(parameter.numel() for parameter in module.parameters() if not is_lazy(parameter))
    counted = f"{weights:,} weights"
    comes_later = is_overridden("configure_model", module) and not weights
    if comes_later or any(is_lazy(parameter) for parameter in module.parameters()):  # as large as a batch makes them
        counted = f"{counted} and those that are made later" if weights else "weights that are made later"
    name = config["model"]["_target_"].rpartition(".")[2]
    rows = ", ".join(f"{count} {split}" for split, count in card.rows.items())
    told = "; ".join(filter(None, [card.spec.task if card.spec else "", rows]))
    _log.info("data    %s%s", card.name, f" ({told})" if told else "")
    for number, line in enumerate(card.task_lines):
        _log.info("%-7s %s", "" if number else "task", line)
    for note in card.notes:
        _log.info("note    %s", note)
    _log.info("model   %s, %s, on %s", name, counted, trainer.strategy.root_device)
    _log.info("folder  %s\n", shown_path(folder))


def _best_checkpoint(trainer: L.Trainer, folder: Path) -> Checkpoint | None:
    """Return the best checkpoint, if a callback has kept one: best_model.ckpt before any other."""
    kept = [
        named_in(folder, Path(callback.best_model_path))
        for callback in trainer.checkpoint_callbacks
        if isinstance(callback, ModelCheckpoint) and callback.monitor and callback.best_model_path
    ]
    kept.sort(key=lambda path: path != folder / BEST_MODEL)
    return load_checkpoint(kept[0]) if kept else None


def _metrics_of(best: Checkpoint | None, history: History) -> dict[str, float]:
    """The metrics of the best epoch (the last one if none was kept), and of the validation that chose it."""
    epoch = best.epoch if best else len(history.rows)
    rows = [row for row in history.rows if row["epoch"] == epoch]
    metrics = {name: value for row in rows for name, value in row.items() if name not in COLUMNS}
    chosen = best.metrics if best else {}
    return metrics | {name: value for name, value in chosen.items() if split_of(name) != "train"}


def _refuse_divergence(metrics: dict[str, float], monitor: str | None, is_own: bool) -> None:
    if monitor in metrics and not math.isfinite(metrics[monitor]):
        if is_own:
            raise UserError(
                f"monitor: {monitor} was never finite: training diverged, or one metric object counts both training "
                "and validation, which resets it"
            )
        raise UserError(f"training diverged: {monitor} was never finite; lower optimizer.lr, or look at the data")
