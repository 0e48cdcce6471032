"""What training has come to: the best model, its metrics, and why it ended."""

import math
import multiprocessing
from contextlib import suppress
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.callbacks.early_stopping import EarlyStopping, EarlyStoppingReason

from trainhouse.checkpoints.checkpoint import Checkpoint, load_checkpoint
from trainhouse.configuration.bounded import read_mapping
from trainhouse.configuration.errors import Interrupted, UserError, fault_of_the_machine
from trainhouse.reports.names import COLUMNS, split_of
from trainhouse.resuming.sharded import is_sharded
from trainhouse.resuming.trainer_parts import callbacks_of
from trainhouse.runs.layout import BEST_MODEL, METRICS
from trainhouse.runs.links import named_in
from trainhouse.training.callbacks import History
from trainhouse.training.training_result import write_metrics

_EARLY = {
    EarlyStoppingReason.STOPPING_THRESHOLD: "reached its stopping_threshold",
    EarlyStoppingReason.DIVERGENCE_THRESHOLD: "passed its divergence_threshold",
    EarlyStoppingReason.PATIENCE_EXHAUSTED: "was not getting better",
    EarlyStoppingReason.NON_FINITE_METRIC: "was not finite",
}


def result_before(folder: Path) -> dict[str, Any]:
    """What a run that is extended had come to: kept until there is a new result."""
    try:
        content = read_mapping(folder / METRICS) or {}
    except UserError:
        return {}
    before = content if content.get("status") == "completed" else content.get("before")
    return {"before": before} if before else {}


def stopped_by(trainer: L.Trainer) -> str:
    """Return why training has ended, as `metrics.json` has it."""
    if early_stop(trainer):
        return "early stopping"
    if trainer.max_epochs is not None and trainer.current_epoch == trainer.max_epochs:
        return "max_epochs"
    return "max_steps" if trainer.global_step == trainer.max_steps else "max_time"


def early_stop(trainer: L.Trainer) -> str | None:
    """Return what an `EarlyStopping` has ended training for, as ``val/loss was not finite``; None if none has."""
    for callback in callbacks_of(trainer):
        if isinstance(callback, EarlyStopping) and callback.stopping_reason in _EARLY:
            return f"{callback.monitor} {_EARLY[callback.stopping_reason]}"
    return None


def best_checkpoint(trainer: L.Trainer, folder: Path) -> Checkpoint | None:
    """Return the best checkpoint, if a callback has kept one: best_model.ckpt before any other."""
    kept = [
        named_in(folder, Path(callback.best_model_path))
        for callback in trainer.checkpoint_callbacks
        if isinstance(callback, ModelCheckpoint) and callback.monitor and callback.best_model_path
    ]
    kept.sort(key=lambda path: path != folder / BEST_MODEL)
    return load_checkpoint(kept[0], mapped=is_sharded(trainer.lightning_module)) if kept else None


def metrics_of(best: Checkpoint | None, history: History) -> dict[str, float]:
    """The metrics of the best epoch (the last one if none was kept), and of the validation that chose it."""
    epoch = best.epoch if best else len(history.rows)
    rows = [row for row in history.rows if row["epoch"] == epoch]
    metrics = {name: value for row in rows for name, value in row.items() if name not in COLUMNS}
    chosen = best.metrics if best else {}
    return metrics | {
        name: value for name, value in chosen.items() if split_of(name) != "train" and name not in COLUMNS
    }


def refuse_divergence(metrics: dict[str, float], monitor: str | None, is_own: bool) -> None:
    """Raise `UserError` if the monitored value was never a number."""
    if monitor in metrics and not math.isfinite(metrics[monitor]):
        if is_own:
            raise UserError(
                f"monitor: {monitor} was never finite: training diverged, or one metric object counts both training "
                "and validation, which resets it"
            )
        raise UserError(f"training diverged: {monitor} was never finite; lower optimizer.lr, or look at the data")


def leave_as_stopped(error: BaseException, folder: Path, content: dict[str, Any]) -> None:
    """Record that the run has ended by an error or by a signal, and end the processes that it has started."""
    is_stopped = isinstance(error, (Interrupted, KeyboardInterrupt, SystemExit))  # the last is submitit's
    status = "interrupted" if is_stopped else "failed"
    fault = fault_of_the_machine(error) if isinstance(error, Exception) else None
    reason = {"error": fault or str(error) or type(error).__name__} if status == "failed" else {}
    if not folder.exists():
        gone = f"{folder}: was deleted or moved while the run was at work; start it again"
        raise UserError(gone) if status == "failed" else error from error
    with suppress(OSError):  # a full disk: the error itself says more
        write_metrics(folder, {"status": status, **reason, "metrics": {}, **content})
    for worker in multiprocessing.active_children():  # one that hangs would be waited for
        worker.kill()
