"""One training run, from a checked configuration to a finished experiment folder."""

import json
import logging
import math
import multiprocessing
import time
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.callbacks.early_stopping import EarlyStopping, EarlyStoppingReason
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies.launchers.subprocess_script import _SubprocessScriptLauncher
from lightning.pytorch.utilities import rank_zero_only

from src.data.datamodule import DataModule
from src.training.build import build_callbacks, build_data, build_logger, build_module, build_trainer
from src.training.callbacks import History
from src.training.checkpoint import RECORD, Checkpoint, load_checkpoint, read
from src.training.checks import check_run
from src.training.compiling import check_compiler, compile_network
from src.training.exact_resume import reseed
from src.training.fine_tuning import initialise
from src.training.module import Module
from src.training.preflight import preflight
from src.training.provenance import provenance
from src.training.pruning import build_pruning
from src.training.result import TrainingResult, hyperparameters, record, write_metrics
from src.training.signals import StopOnSignal
from src.training.threads import set_threads, spare_threads
from src.utils.errors import Interrupted, UserError
from src.utils.files import check_writable
from src.utils.run_folder import CHECKPOINTS, METRICS, is_sweep_job, shown_path, write_config
from src.utils.targets import check_config

_log = logging.getLogger(__name__)


def train(config: dict[str, Any], folder: Path, resume_from: Path | None = None) -> TrainingResult:
    """Train, test the best model, leave everything in `folder`. Raises `UserError` before training for a mistake.

    `resume_from` is a checkpoint of the same run to go on from.
    """
    started = time.perf_counter()
    folder = folder.resolve()  # as Lightning names what it writes
    with StopOnSignal(folder) as stop:
        return _train(config, folder, resume_from, stop, started)


def _train(
    config: dict[str, Any], folder: Path, resume_from: Path | None, stop: StopOnSignal, started: float
) -> TrainingResult:
    set_threads(config["threads"])
    reseed(config["seed"], "init")
    initial = load_checkpoint(config["init_from"], "init_from") if config["init_from"] and not resume_from else None
    datamodule = build_data(config["data"], config["seed"])
    check_run(config, datamodule)
    module = build_module(config, datamodule)
    if initial:
        initialise(module, initial)
    origin = provenance(datamodule.source, datamodule.fingerprint)
    if resume_from:
        _check_same_data(resume_from, datamodule)
    logger = build_logger(config, folder, resume_from)
    if isinstance(logger, TensorBoardLogger):
        logger.hparams.update(hyperparameters(config))  # it leaves them in logs/hparams.yaml
    callbacks = build_callbacks(config, folder, datamodule, origin)
    history = next(callback for callback in callbacks if isinstance(callback, History))
    if pruning := build_pruning(config, history):
        callbacks.append(pruning)
    trainer = build_trainer(config, folder, [*callbacks, stop], logger)

    _warn_of_what_files_may_not_name(config)
    _refuse_processes_in_a_sweep(trainer)
    if config["compile"]:
        check_compiler(trainer.strategy.root_device)
    check_writable(folder / CHECKPOINTS)
    before = _result_before(folder)
    try:
        _write_start(config, folder, {"status": "running", "metrics": {}, "provenance": origin, **before})
        _announce(config, datamodule, module, trainer, folder)
        if config["preflight"]:
            preflight(module, datamodule, callbacks, config["trainer"])
        if config["threads"] is None and trainer.strategy.root_device.type == "cpu":
            spare_threads(module, datamodule.trial_batches("train"))
        if config["compile"]:
            compile_network(module)
        trainer.fit(module, datamodule=datamodule, ckpt_path=resume_from)
        best = _load_best(trainer, module)
        metrics = _metrics_of(best, history)
        _refuse_divergence(metrics, config["monitor"])
        pruned = pruning is not None and pruning.pruned_after is not None
        if datamodule.row_count("test") and not pruned:
            for tested in trainer.test(module, datamodule=datamodule, verbose=False):  # none if limited to none
                metrics |= tested
        result = TrainingResult(
            folder=folder,
            epochs=len(history.rows),
            best_epoch=best.epoch if best else None,
            best_model=str(best.path.relative_to(folder)) if best else None,
            best_value=metrics.get(config["monitor"], math.nan),
            monitor=config["monitor"],
            metrics=metrics,
            seconds=time.perf_counter() - started + history.seconds_before,
        )
        if trainer.is_global_zero:
            stopped_by = "pruning" if pruned else _stopped_by(trainer)
            record(result, config, history, origin, logger, stopped_by)
    except BaseException as error:
        is_stopped = isinstance(error, (Interrupted, KeyboardInterrupt, SystemExit))  # the last is submitit's
        status = "interrupted" if is_stopped else "failed"
        told = {"error": str(error) or type(error).__name__} if status == "failed" else {}
        write_metrics(folder, {"status": status, **told, "metrics": {}, "provenance": origin, **before})
        for worker in multiprocessing.active_children():  # one that hangs would be waited for
            worker.kill()
        raise
    return result


@rank_zero_only
def _warn_of_what_files_may_not_name(config: dict[str, Any]) -> None:
    for key, value in config.items():
        try:
            check_config({key: value}, "warning")
        except UserError as error:
            readers = "eval.py, infer.py and resume=" if key in ("model", "data") else "resume="
            _log.warning("%s; until it may, %s will refuse what this run saves", error, readers)


def _refuse_processes_in_a_sweep(trainer: L.Trainer) -> None:
    """Lightning starts further processes with the command line of this one: each would run the whole sweep."""
    if is_sweep_job() and isinstance(trainer.strategy.launcher, _SubprocessScriptLauncher):
        raise UserError(
            f"trainer.devices: {trainer.num_devices} processes can't be started from a job of a sweep; set "
            "trainer.devices=1, start the jobs one by one, or let SLURM start the processes (launcher=submitit)"
        )


def _result_before(folder: Path) -> dict[str, Any]:
    """What a run that goes on beyond its end had come to: kept until there is a new result."""
    try:
        content = json.loads((folder / METRICS).read_text())
    except (OSError, ValueError):
        return {}
    before = content if content.get("status") == "completed" else content.get("before")
    return {"before": before} if before else {}


def _check_same_data(resume_from: Path, datamodule: DataModule) -> None:
    then = read(resume_from, lazily=True)[RECORD]["provenance"]["data_fingerprint"]
    if then != datamodule.fingerprint:
        raise UserError(
            f"{datamodule.source}: has changed since the run was started (fingerprint {datamodule.fingerprint}, "
            f"then {then}), so the run can't go on as it would have; restore it, or start a new run with init_from="
        )


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
def _announce(config: dict[str, Any], datamodule: DataModule, module: Module, trainer: L.Trainer, folder: Path) -> None:
    weights = sum(parameter.numel() for parameter in module.parameters())
    rows = ", ".join(f"{datamodule.row_count(split)} {split}" for split in ("train", "val", "test"))
    name = config["model"]["_target_"].rpartition(".")[2]
    _log.info("data    %s (%s; %s)", datamodule.source, datamodule.spec.task, rows)
    _log.info("model   %s, %s weights, on %s", name, f"{weights:,}", trainer.strategy.root_device)
    _log.info("folder  %s\n", shown_path(folder))


def _load_best(trainer: L.Trainer, module: Module) -> Checkpoint | None:
    """Put the best weights into `module`, if a callback has kept them."""
    for callback in trainer.checkpoint_callbacks:
        if isinstance(callback, ModelCheckpoint) and callback.monitor and callback.best_model_path:
            best = load_checkpoint(callback.best_model_path)
            module.load_state_dict(best.state_dict)
            return best
    return None


def _metrics_of(best: Checkpoint | None, history: History) -> dict[str, float]:
    """The training metrics of the best epoch (the last one if none was kept), and the validation that chose it."""
    epoch = best.epoch if best else len(history.rows)
    rows = [row for row in history.rows if row["epoch"] == epoch]
    metrics = {name: value for row in rows for name, value in row.items() if "/" in name}
    chosen = best.metrics if best else {}
    return metrics | {name: value for name, value in chosen.items() if name.startswith("val/")}


def _refuse_divergence(metrics: dict[str, float], monitor: str) -> None:
    if monitor in metrics and not math.isfinite(metrics[monitor]):
        raise UserError(f"training diverged: {monitor} was never finite; lower optimizer.lr, or look at the data")
