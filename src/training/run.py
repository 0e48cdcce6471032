"""One training run, from a checked configuration to a finished experiment folder."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.loggers import TensorBoardLogger

from src.data.datamodule import DataModule
from src.evaluation import figures
from src.evaluation.metrics import metric_names
from src.evaluation.report import log_to_tensorboard, metrics_line
from src.training.build import build_callbacks, build_data, build_logger, build_module, build_trainer
from src.training.callbacks import History, reseed
from src.training.checkpoint import load_checkpoint
from src.training.module import Module
from src.training.provenance import provenance
from src.utils.errors import UserError, did_you_mean
from src.utils.files import write_json
from src.utils.run_folder import BEST_MODEL, LOSS_CURVE, METRICS, write_config

_log = logging.getLogger(__name__)

# What TensorBoard lists as hyperparameters; the other groups don't change what is learned.
HYPERPARAMETERS = ("seed", "model", "optimizer", "scheduler", "loss", "data")


@dataclass(frozen=True)
class TrainingResult:
    """What a run came to. `metrics` are those of the best epoch, the test split's among them."""

    folder: Path
    status: str
    epochs: int
    best_epoch: int | None
    best_value: float
    monitor: str
    metrics: dict[str, float]
    seconds: float


def train(config: dict[str, Any], folder: Path) -> TrainingResult:
    """Train, test the best model, leave everything in `folder`. Raises `UserError` before training for a mistake."""
    started = time.perf_counter()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("lightning.pytorch.profilers").setLevel(logging.INFO)
    reseed(config["seed"], "init")
    datamodule = build_data(config["data"], config["seed"])
    _check_monitor(config, datamodule)
    module = build_module(config, datamodule)
    origin = provenance(datamodule.source, datamodule.fingerprint)
    logger = build_logger(config, folder)
    if isinstance(logger, TensorBoardLogger):
        logger.hparams.update(_hyperparameters(config))  # it leaves them in logs/hparams.yaml
    callbacks = build_callbacks(config, folder, datamodule, origin)
    trainer = build_trainer(config, folder, callbacks, logger)

    write_config(folder, config)
    write_json(folder / METRICS, {"status": "running", "metrics": {}, "provenance": origin})
    _announce(config, datamodule, module, trainer, folder)
    history = next(callback for callback in callbacks if isinstance(callback, History))
    try:
        trainer.fit(module, datamodule=datamodule)
    except BaseException:
        write_json(folder / METRICS, {"status": "failed", "metrics": {}, "provenance": origin})
        raise
    best_epoch, metrics = _measure_best(trainer, module, datamodule, folder, history)
    result = TrainingResult(
        folder,
        "completed",
        len(history.rows),
        best_epoch,
        metrics.get(config["monitor"], float("nan")),
        config["monitor"],
        metrics,
        time.perf_counter() - started,
    )
    if trainer.is_global_zero:
        _record(result, config, datamodule, history, origin, logger)
    return result


def _check_monitor(config: dict[str, Any], datamodule: DataModule) -> None:
    """A wrong name would otherwise end the run after its first epoch."""
    task, monitor = datamodule.spec.task, config["monitor"]
    names = metric_names(task, "train") + metric_names(task, "val")
    if monitor not in names:
        raise UserError(
            f"monitor: '{monitor}' is not logged{did_you_mean(monitor, names)} (there are: {', '.join(names)})"
        )
    if config["mode"] is None:
        raise UserError("mode: expected min or max")
    if monitor.startswith("val/") and datamodule.row_count("val") == 0:
        raise UserError(f"monitor: {monitor} needs validation rows, but data.split leaves none; set monitor=train/loss")


def _announce(config: dict[str, Any], datamodule: DataModule, module: Module, trainer: L.Trainer, folder: Path) -> None:
    weights = sum(parameter.numel() for parameter in module.parameters())
    rows = ", ".join(f"{datamodule.row_count(split)} {split}" for split in ("train", "val", "test"))
    name = config["model"]["_target_"].rpartition(".")[2]
    _log.info("data    %s (%s; %s)", datamodule.source, datamodule.spec.task, rows)
    _log.info("model   %s, %s weights, on %s", name, f"{weights:,}", trainer.strategy.root_device)
    _log.info("folder  %s\n", _relative(folder))


def _measure_best(
    trainer: L.Trainer, module: Module, datamodule: DataModule, folder: Path, history: History
) -> tuple[int | None, dict[str, float]]:
    """Put the best weights into `module`; return their epoch and their train, validation and test metrics."""
    best = folder / BEST_MODEL
    best_epoch = None
    if best.is_file():
        checkpoint = load_checkpoint(best)
        module.load_state_dict(checkpoint.state_dict)
        best_epoch = checkpoint.epoch
    epoch = best_epoch or (int(history.rows[-1]["epoch"]) if history.rows else None)
    metrics = {
        name: value for row in history.rows if row["epoch"] == epoch for name, value in row.items() if "/" in name
    }
    if datamodule.row_count("test"):
        metrics |= trainer.test(module, datamodule=datamodule, verbose=False)[0]
    return best_epoch, metrics


def _record(
    result: TrainingResult,
    config: dict[str, Any],
    datamodule: DataModule,
    history: History,
    origin: dict[str, Any],
    logger: Any,
) -> None:
    train_seconds = sum(row["train_seconds"] for row in history.rows)
    samples = datamodule.row_count("train") * len(history.rows) if not config["trainer"]["fast_dev_run"] else 0
    write_json(
        result.folder / METRICS,
        {
            "status": result.status,
            "model": config["model"]["_target_"].rpartition(".")[2],
            "best_epoch": result.best_epoch,
            "best_model": BEST_MODEL if result.best_epoch else None,
            "monitor": config["monitor"],
            "mode": config["mode"],
            "epochs": result.epochs,
            "seconds": round(result.seconds, 3),
            "train_samples_per_second": round(samples / train_seconds, 1) if train_seconds else None,
            "metrics": result.metrics,
            "data_split": {key: config["data"][key] for key in ("split", "split_seed")},
            "provenance": origin,
        },
    )
    drawn = {}
    if history.rows:
        drawn["loss_curve"] = figures.loss_curve(history.rows, result.best_epoch)
        figures.save(drawn["loss_curve"], result.folder / LOSS_CURVE)
    if isinstance(logger, TensorBoardLogger):
        log_to_tensorboard(logger, _hyperparameters(config), result.metrics, drawn)


def _hyperparameters(config: dict[str, Any]) -> dict[str, Any]:
    return {key: config[key] for key in HYPERPARAMETERS if config.get(key)}


def summarise_training(result: TrainingResult) -> None:
    """Say in a few lines what came out, where it is, and what to type next."""
    folder = _relative(result.folder)
    _log.info("")
    if result.best_epoch:
        _log.info("best epoch %d of %d, by %s", result.best_epoch, result.epochs, result.monitor)
    for split in ("val", "test"):
        if line := metrics_line(result.metrics, split):
            _log.info("%-6s %s", split, line)
    _log.info("%.1f s; everything is in %s", result.seconds, folder)
    if result.best_epoch:
        _log.info("\nnext:  python eval.py ckpt_path=%s", folder)
        _log.info("       python select_best_model.py")


def _relative(folder: Path) -> str:
    return str(folder.relative_to(Path.cwd())) if folder.is_relative_to(Path.cwd()) else str(folder)
