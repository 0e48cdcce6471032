"""What happens around the training loop: the epoch's record, and the checkpoints."""

import csv
import io
import logging
import math
import time
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Checkpoint

from trainhouse.checkpoints.model_checkpoints import ModelCheckpoint
from trainhouse.configuration.annotations import Count, Positive
from trainhouse.configuration.errors import UserError
from trainhouse.machine.files import write_text
from trainhouse.machine.numbers import format_number
from trainhouse.machine.terminal import LinePart, fitted, width
from trainhouse.reports.names import COLUMNS, logged_once, split_of
from trainhouse.resuming.digest import row_count
from trainhouse.resuming.logged_values import about_to_log
from trainhouse.resuming.loops import logged_step, was_tried
from trainhouse.resuming.trainer_parts import is_fast_dev_run
from trainhouse.runs.layout import CONFIG, LAST_CHECKPOINT
from trainhouse.runs.log_position import LogPosition, sizes
from trainhouse.training.progress_bar import ProgressBar as ProgressBar  # what configurations of older runs name

_log = logging.getLogger(__name__)


class History(Checkpoint):
    """One row per epoch with all metrics: on the terminal, in the log, and in a CSV file.

    It is a `Checkpoint` callback to Lightning because those run after the module has logged its epoch,
    and in the order listed: first this one, so the checkpoints of an epoch hold the epoch's row.
    """

    def __init__(self, path: str | Path, monitor: str | None = None, mode: str = "min") -> None:
        """A row in which `monitor` is the best so far, the smallest (``min``) or the largest, is marked."""
        self.path, self.monitor, self.mode = Path(path), monitor, mode
        self.rows: list[dict[str, float]] = []
        self._started = self._validation_started = 0.0
        self._validation_seconds = 0.0
        self._validated = False
        self._before_validation: dict[str, Any] = {}
        self._of_validation: set[str] = set()  # the names that it logs
        self._rows = 0
        self._rows_before: list[dict[str, float]] = []
        self._seconds_before = 0.0  # of an epoch that was begun before the run was stopped
        self._logged_before_validation: dict[str, int] | None = None
        self._config = self.path.parent.parent / CONFIG
        self._has_config = False

    @property
    def seconds_before(self) -> float:
        """The seconds that a run took before it was stopped."""
        return sum(row["seconds"] for row in self._rows_before) + self._seconds_before

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock: of an epoch that is resumed in its middle, none of the later hooks tells."""
        self._started = time.perf_counter() - self._seconds_before
        self._has_config = self._config.is_file()

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the epoch's clock."""
        self._started, self._validation_seconds = time.perf_counter(), 0.0
        self._validated, self._rows = False, 0

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the rows trained on."""
        self._rows += row_count(batch) * trainer.world_size  # ranks have shares of the same size
        self._logged_before_validation = None

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop the training clock."""
        self._validation_started = time.perf_counter()
        if trainer.is_global_zero:
            self._logged_before_validation = sizes(trainer.loggers)
        self._before_validation = dict(trainer.callback_metrics)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Let the training clock go on."""
        self._validation_seconds += time.perf_counter() - self._validation_started
        self._validated = True
        before = self._before_validation
        logged = trainer.callback_metrics.items()
        self._of_validation |= {name for name, value in logged if value is not before.get(name)}

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Add the epoch's row."""
        # Lightning still shows an earlier epoch's validation.
        metrics = {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if name not in COLUMNS and (self._validated or name not in self._of_validation)
        }
        seconds = time.perf_counter() - self._started
        row = {
            "epoch": trainer.current_epoch + 1,
            "step": logged_step(trainer) - 1,  # the one that loggers have these values at
            **metrics,
            "lr": trainer.optimizers[0].param_groups[0]["lr"] if trainer.optimizers else float("nan"),
            "seconds": round(seconds, 3),
            "train_rows": self._rows,
            "train_seconds": round(seconds - self._validation_seconds, 3),
        }
        self.rows.append(row)
        self._started, self._validation_seconds, self._rows = time.perf_counter(), 0.0, 0
        if not trainer.is_global_zero:
            return
        self._write()
        line = self._line(row, metrics, trainer.max_epochs or 0)
        _log.info(fitted(line, 10_000), extra={"short": fitted(line, width() - 1)})

    def _line(self, row: dict[str, float], metrics: dict[str, float], epochs: int) -> list[LinePart]:
        """Return the epoch's line: the monitored value first, and last to be left out where the terminal is narrow."""
        shown = logged_once(metrics, besides=self.monitor)
        names = sorted(shown, key=lambda name: (name != self.monitor, split_of(name) != "val", name))
        parts = [LinePart(f"epoch {row['epoch']}{f'/{epochs}' if epochs > 0 else ''}")]
        ranks = sorted(names, key=lambda name: (name != self.monitor, name != self._of_training(), names.index(name)))
        for name in names:
            rank = 1 + ranks.index(name)
            mark = " (best)" if name == self.monitor and self._is_best(metrics[name]) else ""
            parts.append(LinePart(f"{name} {format_number(metrics[name])}{mark}", rank))
        return [*parts, LinePart(f"({row['seconds']:.1f} s)")]

    def _of_training(self) -> str:
        """The monitored value as training has it: beside that of validation it shows whether a model overfits."""
        return f"train/{str(self.monitor).removeprefix('val/')}"

    def _is_best(self, value: float) -> bool:
        before = [row[self.monitor] for row in self.rows[:-1] if self.monitor in row]
        better = (value < other if self.mode == "min" else value > other for other in before if not math.isnan(other))
        return not math.isnan(value) and all(better)

    def _write(self) -> None:
        if self._has_config and not self._config.is_file():  # to write on would make half a folder
            raise UserError(f"{self._config.parent}: was deleted or moved while the run was at work; start it again")
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")  # a metric may be called anything
        writer.writerows([names, *([row.get(name, "") for name in names] for row in self.rows)])
        write_text(self.path, text.getvalue())

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Let the loggers write what they hold, and note where they are: a resumed run logs what comes after."""
        unlogged = about_to_log(trainer) if was_tried() else []
        if not trainer.is_global_zero:
            return
        files = sizes(trainer.loggers)
        states = checkpoint["callbacks"]
        if states.get("ExactResume", {}).get("validation") == "due" and self._logged_before_validation is not None:
            files = self._logged_before_validation  # all of it comes once more
        if was_tried():
            states[self.state_key]["logged"] = LogPosition(trainer.global_step, files, unlogged).as_note()

    def state_dict(self) -> dict[str, Any]:
        """Return all rows so far: a resumed run continues its table."""
        epoch = {
            "seconds": time.perf_counter() - self._started,
            "validation_seconds": self._validation_seconds,
            "validated": self._validated,
            "rows": self._rows,
            "of_validation": sorted(self._of_validation),
        }
        return {"rows": self.rows, "epoch": epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the rows of a checkpoint. Raises `TypeError` for what no run has saved."""
        rows, epoch = state_dict["rows"], state_dict["epoch"]
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise TypeError("its table of epochs is none")
        numbers = [*epoch.values(), *(value for row in rows for value in row.values())]
        if not all(isinstance(value, (int, float, list)) for value in numbers):
            raise TypeError("its table of epochs holds what is no number")
        self.rows = list(rows)
        self._rows_before = list(self.rows)
        self._seconds_before, self._validation_seconds = epoch["seconds"], epoch["validation_seconds"]
        self._validated, self._rows = epoch["validated"], epoch["rows"]
        self._of_validation = set(epoch.get("of_validation", ()))


def log_position(checkpoint: dict[str, Any]) -> LogPosition:
    """Return how far the loggers were when a checkpoint was written."""
    return LogPosition.noted(checkpoint["global_step"], checkpoint["callbacks"].get("History", {}).get("logged"))


class EpochCheckpoint(ModelCheckpoint):
    """What configurations of older runs name."""


class LastCheckpoint(Checkpoint):
    """``last.ckpt``: the latest state, whatever its value; after every epoch, and as often within one as is asked."""

    def __init__(
        self, dirpath: str, every_n_train_steps: Count | None = None, every_n_minutes: Positive | None = None
    ) -> None:
        """`every_n_train_steps` counts optimizer steps."""
        self.path = Path(dirpath) / Path(LAST_CHECKPOINT).name
        self.every_n_train_steps, self.every_n_minutes = every_n_train_steps, every_n_minutes
        self._saved_step, self._saved_at = 0, 0.0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock."""
        self._saved_step, self._saved_at = trainer.global_step, time.monotonic()

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save if it is time."""
        steps, minutes = self.every_n_train_steps, self.every_n_minutes
        step = trainer.global_step
        due = steps is not None and step % steps == 0 and step != self._saved_step
        if minutes is not None:  # the ranks' clocks may differ
            due |= trainer.strategy.broadcast(time.monotonic() - self._saved_at >= 60 * minutes)
        if due and step != trainer.max_steps:  # else the epoch ends here
            self._save(trainer)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save the state after the epoch."""
        self._save(trainer)

    def _save(self, trainer: L.Trainer) -> None:
        if not is_fast_dev_run(trainer):
            trainer.save_checkpoint(self.path)
            self._saved_step, self._saved_at = trainer.global_step, time.monotonic()
