"""What a terminal shows of a run while it trains, validates and tests, on its one live line."""

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import lightning as L
import torch
from lightning.pytorch import callbacks
from lightning.pytorch.callbacks import ModelCheckpoint

from trainhouse.configuration.annotations import Count
from trainhouse.machine.numbers import format_number
from trainhouse.machine.terminal import LinePart, LiveLine, duration
from trainhouse.resuming.digest import row_count
from trainhouse.resuming.logged_values import logged_in_steps
from trainhouse.resuming.loops import was_tried
from trainhouse.resuming.trainer_parts import callbacks_of


class ProgressBar(callbacks.ProgressBar):
    """One live line: epoch, step, loss, the monitored value and the best so far, rows per second, time left of the run.

    It is drawn a few times a second, on a terminal only. `refresh_rate` is the number of steps between two looks at the
    clock.
    """

    def __init__(self, refresh_rate: Count = 1) -> None:
        super().__init__()
        self.refresh_rate = refresh_rate
        self._line = LiveLine()
        self._is_enabled = True
        self._started = 0.0
        self._steps = 0  # since training was started or resumed
        self._seconds_outside = 0.0  # of training: validation
        self._validation_started = 0.0

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Leave the terminal to a bar that the module itself has configured."""
        super().setup(trainer, pl_module, stage)
        if any(isinstance(one, callbacks.ProgressBar) and one is not self for one in callbacks_of(trainer)):
            self.disable()

    def disable(self) -> None:
        """Show nothing: what Lightning asks of all ranks but the first."""
        self._is_enabled = False

    def enable(self) -> None:
        """Show the line again."""
        self._is_enabled = True

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock."""
        self._started, self._steps, self._seconds_outside = time.perf_counter(), 0, 0.0

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Draw the line, if it is time."""
        self._steps += 1
        if self._steps % self.refresh_rate or not self._line.is_due or not self._is_enabled:
            return
        epochs, batches = trainer.max_epochs or 0, trainer.num_training_batches
        batch_of = f"/{batches:,.0f}" if math.isfinite(batches) else ""
        parts = [
            LinePart(f"epoch {trainer.current_epoch + 1}{f'/{epochs}' if epochs > 0 else ''}"),
            LinePart(f"step {batch_idx + 1:,}{batch_of}", 5),
            *(_loss(outputs, trainer.accumulate_grad_batches) or _logged(trainer)),
            *_monitored(trainer),
        ]
        elapsed = time.perf_counter() - self._started
        rate = self._steps * row_count(batch) * trainer.world_size / max(elapsed - self._seconds_outside, 1e-9)
        parts.append(LinePart(f"{format_number(rate, whole=True)} rows/s", 3))
        done = self._share_done(trainer, batch_idx)
        share_now = self._steps / total if (total := _steps_in_all(trainer)) else 0.0
        if done is not None and share_now:
            parts.append(LinePart(f"{duration(elapsed / share_now * (1 - done))} left", 1))
        self._line.show(parts, done)

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop the training clock."""
        self._validation_started = time.perf_counter()

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Let the training clock go on."""
        self._seconds_outside += time.perf_counter() - self._validation_started
        if trainer.state.fn != "fit":
            self._line.clear()

    def on_validation_batch_end(
        self, trainer: L.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Draw the line, if it is time."""
        if self._line.is_due:
            fits = trainer.state.fn == "fit"
            what = f"epoch {trainer.current_epoch + 1}  validation" if fits else "validation"
            self._show_evaluation(what, batch_idx, trainer.num_val_batches, dataloader_idx)

    def on_test_batch_end(
        self, trainer: L.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Draw the line, if it is time."""
        if self._line.is_due:
            self._show_evaluation("test", batch_idx, trainer.num_test_batches, dataloader_idx)

    def _show_evaluation(self, what: str, batch_idx: int, batches: Any, loader: int) -> None:
        if not self._is_enabled:
            return
        total = batches[loader] if isinstance(batches, list) and loader < len(batches) else math.inf
        of = f"/{total:,.0f}" if math.isfinite(total) else ""
        self._line.show([LinePart(f"{what}  step {batch_idx + 1:,}{of}")])

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take the line away."""
        self._line.clear()

    on_test_end = on_train_end

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Take the line away."""
        self._line.clear()

    @staticmethod
    def _share_done(trainer: L.Trainer, batch_idx: int) -> float | None:
        total = _steps_in_all(trainer)
        if not total:
            return None
        if trainer.max_epochs and trainer.max_epochs > 0:
            return (trainer.current_epoch * trainer.num_training_batches + batch_idx + 1) / total
        return trainer.global_step * trainer.accumulate_grad_batches / total


class BarsOff(L.Callback):
    """Turns bars off that a module has configured by itself."""

    def __init__(self, *kinds: type) -> None:
        self.kinds = kinds

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Turn them off before they draw."""
        for callback in callbacks_of(trainer):
            if isinstance(callback, self.kinds):
                with suppress(NotImplementedError):
                    callback.disable()  # type: ignore[attr-defined]


def close_bar(trainer: L.Trainer) -> None:
    """Let go of the terminal's line after an error: Lightning leaves a bar of tqdm's open, behind which all is said."""
    bar = trainer.progress_bar_callback
    for stage in ("train", "val", "test") if isinstance(bar, callbacks.TQDMProgressBar) else ():
        with suppress(TypeError):  # that was not drawn yet
            getattr(bar, f"{stage}_progress_bar").close()


def _steps_in_all(trainer: L.Trainer) -> float:
    """Return the number of batches of the whole run, 0 if nobody knows."""
    batches = trainer.num_training_batches
    if trainer.max_epochs and trainer.max_epochs > 0:
        return trainer.max_epochs * batches if math.isfinite(batches) else 0
    return trainer.max_steps * trainer.accumulate_grad_batches if trainer.max_steps > 0 else 0


def _loss(outputs: Any, accumulated: int) -> list[LinePart]:
    """Return the loss of the batch, which Lightning has divided by the number of batches that are accumulated."""
    loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
        return []
    return [LinePart(f"loss {format_number(float(loss.detach()) * accumulated)}", 2)]


def _logged(trainer: L.Trainer) -> list[LinePart]:
    """Return up to two losses that are logged, where a step returns none; else what was logged for a bar."""
    logged = logged_in_steps(trainer) if was_tried() else {}
    shown = [name for name in logged if "loss" in name.lower()] or [
        name for name, (_, shows) in logged.items() if shows
    ]
    return [LinePart(f"{name.rpartition('/')[2]} {format_number(logged[name][0])}", 2) for name in shown[:2]]


def _monitored(trainer: L.Trainer) -> list[LinePart]:
    """Return the latest value of what decides which model is the best, and the best one so far."""
    for callback in trainer.checkpoint_callbacks:
        if not isinstance(callback, ModelCheckpoint) or callback.monitor is None:
            continue
        value, best = trainer.callback_metrics.get(callback.monitor), callback.best_model_score
        if value is None:
            return []
        parts = [LinePart(f"{callback.monitor} {format_number(float(value))}", 0)]
        return [*parts, LinePart(f"best {format_number(float(best))}", 4)] if best is not None else parts
    return []
