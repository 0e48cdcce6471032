"""What a training run came to: in `metrics.json`, in the figures and in the logger."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from trainhouse.configuration.older_versions import is_array_data
from trainhouse.configuration.settings import Train, Trainer
from trainhouse.configuration.values import expected, fits
from trainhouse.machine.files import sha256, write_json, written_as_json
from trainhouse.reports.likeness import loss_of, split_of_data
from trainhouse.runs.layout import FIGURES, METRICS
from trainhouse.runs.shown import end_loggers, log_best, show_figures
from trainhouse.training.build_module import is_lightning_module
from trainhouse.training.callbacks import History

# What a finished run has written of its result.
_KINDS: dict[str, Any] = {
    "metrics": dict,
    "monitor": str | None,
    "epochs": int,
    "best_epoch": int | None,
    "best_model": str | None,
    "seconds": float,
    "stopped_by": str,
}


@dataclass(frozen=True)
class TrainingResult:
    """What a run came to. `metrics` are those of the best epoch, the test split's among them."""

    folder: Path
    epochs: int
    best_epoch: int | None
    best_model: str | None
    best_value: float
    monitor: str | None
    metrics: dict[str, float]
    seconds: float
    stopped_by: str
    early_stop: str | None = None
    """What early stopping has ended the run for, beginning with the name of a metric."""
    baseline: dict[str, Any] | None = None
    """The metrics of a constant prediction, as the data says it; None of data of the user's own."""
    ends_by_schedule: bool = False
    """Whether its learning rate has come to its end: the last epochs are then the best in most cases."""
    notes: tuple[str, ...] = ()
    """What the metrics alone do not say, each a line."""

    @classmethod
    def of_run(cls, folder: Path, content: dict[str, Any]) -> "TrainingResult":
        """Return the result of a finished run, from the `content` of its `metrics.json`.

        Raises `KeyError` or `TypeError` for what no run has written.
        """
        metrics, monitor = content["metrics"], content["monitor"]
        for key, hint in _KINDS.items():
            if not fits(content[key], hint):
                raise TypeError(f"{key}: expected {expected(hint)}, found {content[key]!r:.40}")
        for name, value in metrics.items():
            if not isinstance(value, (int, float, type(None))):
                raise TypeError(f"metrics: {name}: expected a number, found {value!r:.40}")
        metrics = {name: math.nan if value is None else float(value) for name, value in metrics.items()}
        return cls(
            folder=folder.resolve(),
            epochs=content["epochs"],
            best_epoch=content["best_epoch"],
            best_model=content["best_model"],
            best_value=metrics.get(monitor or "", math.nan),
            monitor=monitor,
            metrics=metrics,
            seconds=content["seconds"],
            stopped_by=content["stopped_by"],
            baseline=content.get("baseline"),
        )


@rank_zero_only
def write_metrics(folder: Path, content: dict[str, Any]) -> None:
    """Write `metrics.json`, which says how the run stands."""
    write_json(folder / METRICS, content)


@contextmanager
def recorded(
    result: TrainingResult,
    settings: Train,
    history: History,
    origin: dict[str, Any],
    directions: dict[str, str],
    not_exact: Sequence[str],
) -> Iterator[None]:
    """Close with `metrics.json` after a block in which all else is written: a run is complete when all of it is there.

    What it says is on the disk before the block, which may fill it. Raises `OSError` if even that has no room.
    `directions` say which end of a metric is better, `not_exact` why a resume is not, if so.
    """
    train_seconds = sum(row["train_seconds"] for row in history.rows)
    train_rows = sum(row["train_rows"] for row in history.rows)
    is_array = is_array_data(settings.data)
    content = {
        "status": "pruned" if result.stopped_by == "pruning" else "completed",
        "model": settings.model.name,
        "best_epoch": result.best_epoch,
        "best_model": result.best_model,
        "best_model_sha256": sha256(result.folder / result.best_model) if result.best_model else None,
        "monitor": settings.monitor,
        "mode": settings.mode,
        "epochs": result.epochs,
        "length": _length(settings),
        "stopped_by": result.stopped_by,
        "seconds": round(result.seconds, 3),
        "train_samples_per_second": round(train_rows / train_seconds, 1) if train_seconds else None,
        "metrics": result.metrics,
        "baseline": result.baseline,
        "loss": loss_of(settings, is_lightning_module(settings.model)),
        "directions": {name: better for name, better in directions.items() if name in result.metrics},
        "exact": not not_exact,
        **({"not_exact": list(not_exact)} if not_exact else {}),
        "measured_in_part": _measured_in_part(settings.trainer),
        "data_split": split_of_data(settings.data) if is_array else None,
        "provenance": origin,
    }
    with written_as_json(result.folder / METRICS, content):
        yield


def show_result(result: TrainingResult, mode: str | None, history: History, loggers: Sequence[Logger]) -> None:
    """Give the loggers the best value, of which `mode` says which end is better, and the figures, and end them."""
    if result.monitor:
        log_best(loggers, result.monitor, _best_so_far(history.rows, result.monitor, mode))
    show_figures(loggers, result.folder / FIGURES)
    end_loggers(loggers)


def _best_so_far(rows: Sequence[dict[str, float]], monitor: str, mode: str | None) -> list[tuple[int, float]]:
    """Return the step of each epoch that was validated, and the best value until then."""
    points: list[tuple[int, float]] = []
    best = max if mode == "max" else min
    for row in rows:
        if not math.isnan(value := row.get(monitor, math.nan)):
            points.append((int(row["step"]), best(value, points[-1][1]) if points else value))
    return points


def _measured_in_part(trainer: Trainer) -> bool:
    """Whether the numbers are of some batches only, so that they can't be compared with other runs'."""
    limits = (trainer.limit_val_batches, trainer.limit_test_batches)
    limited = any(isinstance(limit, int) or limit < 1 for limit in limits)  # 1 is one batch, 1.0 all of them
    return bool(trainer.fast_dev_run or trainer.overfit_batches or limited)


def _length(settings: Train) -> dict[str, Any]:
    """Return by keys how long the run was to be: ``auto`` is another number for another batch size."""
    stopping = settings.callbacks.early_stopping
    patience = stopping.get("patience") if stopping and stopping.is_mapping else None
    return {"trainer.max_epochs": settings.trainer.max_epochs, "callbacks.early_stopping.patience": patience}
