"""What happens around the training loop: order and randomness, the epoch's record, the checkpoints."""

import logging
import random
import sys
import time
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Checkpoint, ModelCheckpoint, TQDMProgressBar
from torch import Tensor

from src.data.batches import Cursor
from src.data.order import mix
from src.utils.files import write_text

_log = logging.getLogger(__name__)


class StatelessRandomness(L.Callback):
    """Makes every draw a function of (seed, epoch, batch, rank), and keeps the cursor of the training data.

    Nothing random has a state, so a checkpoint has none to save, and validation or logging can't shift
    what the next step draws. The cursor says which batch is next; a checkpoint saves it.
    """

    def __init__(self, seed: int, cursor: Cursor) -> None:
        self.seed, self.cursor = seed, cursor

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed dropout and augmentation for this step."""
        reseed(self.seed, "step", trainer.current_epoch, batch_idx, trainer.global_rank)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the cursor on; behind an epoch's last batch it stands at the next epoch's first."""
        done = batch_idx + 1
        if done >= trainer.num_training_batches:
            self.cursor.epoch, self.cursor.batch = trainer.current_epoch + 1, 0
        else:
            self.cursor.epoch, self.cursor.batch = trainer.current_epoch, done

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Put the cursor at the next epoch's start, also when an epoch ended early."""
        self.cursor.epoch, self.cursor.batch = trainer.current_epoch + 1, 0

    def state_dict(self) -> dict[str, Any]:
        """Return the cursor and the seed that gives it its meaning."""
        return {"epoch": self.cursor.epoch, "batch": self.cursor.batch, "seed": self.seed}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Put the cursor where the checkpoint was."""
        self.cursor.epoch, self.cursor.batch = state_dict["epoch"], state_dict["batch"]


def reseed(*key: object) -> None:
    """Seed torch, numpy and `random` with a function of `key`.

    torch's CPU generator is seeded by itself, 1 us; `torch.manual_seed` takes 100 us, as it looks for
    every kind of device.
    """
    seed = mix(*key)
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


class History(Checkpoint):
    """One row per epoch with all metrics: on the terminal, in the log, and in a CSV file.

    It is a `Checkpoint` callback to Lightning because those run after the module has logged its epoch,
    and in the order listed: first this one, so the checkpoints of an epoch hold the epoch's row.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.rows: list[dict[str, float]] = []
        self._started = self._validation_started = 0.0
        self._validation_seconds = 0.0
        self._validated = False
        self._rows = 0

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the epoch's clock."""
        self._started, self._validation_seconds = time.perf_counter(), 0.0
        self._validated, self._rows = False, 0

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the rows trained on."""
        self._rows += len(batch[1])

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop the training clock."""
        self._validation_started = time.perf_counter()

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Let the training clock go on."""
        self._validation_seconds += time.perf_counter() - self._validation_started
        self._validated = True

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Add the epoch's row."""
        # Lightning goes on showing an earlier epoch's validation.
        metrics = {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if self._validated or not name.startswith("val/")
        }
        seconds = time.perf_counter() - self._started
        row = {
            "epoch": trainer.current_epoch + 1,
            "step": trainer.global_step,
            **metrics,
            "lr": trainer.optimizers[0].param_groups[0]["lr"] if trainer.optimizers else float("nan"),
            "seconds": round(seconds, 3),
            "train_rows": self._rows,
            "train_seconds": round(seconds - self._validation_seconds, 3),
        }
        self.rows.append(row)
        if not trainer.is_global_zero:
            return
        self._write()
        shown = "  ".join(f"{name} {value:.4f}" for name, value in sorted(metrics.items()))
        of = f"/{trainer.max_epochs}" if trainer.max_epochs and trainer.max_epochs > 0 else ""
        _log.info("epoch %d%s  %s  (%.1f s)", row["epoch"], of, shown, row["seconds"])

    def _write(self) -> None:
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        lines = [",".join(names)] + [",".join(str(row.get(name, "")) for name in names) for row in self.rows]
        write_text(self.path, "\n".join(lines) + "\n")

    def state_dict(self) -> dict[str, Any]:
        """Return all rows so far: a run that goes on from a checkpoint goes on with its table."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the rows of a checkpoint."""
        self.rows = list(state_dict["rows"])


class EpochCheckpoint(ModelCheckpoint):
    """A `ModelCheckpoint` that counts epochs as people do: `epoch_005.ckpt` is the state after five."""

    def format_checkpoint_name(self, metrics: dict[str, Tensor], *args: Any, **kwargs: Any) -> str:
        """Return the path for the epoch in `metrics`, which Lightning counts from 0."""
        return super().format_checkpoint_name({**metrics, "epoch": metrics["epoch"] + 1}, *args, **kwargs)


class ProgressBar(TQDMProgressBar):
    """Lightning's bar on a terminal; none in a log file, where the epoch lines say it all.

    Redrawn every `refresh_rate` batches: drawing it at each one costs an eighth of a small model's step.
    """

    def __init__(self, refresh_rate: int = 20) -> None:
        super().__init__(refresh_rate=refresh_rate if sys.stderr.isatty() else 0, leave=False)
