"""Exact resume: a run that goes on from any of its checkpoints ends with the same bits as one that never stopped.

Nothing random has a state: every draw is a function of a key, such as (seed, "step", epoch, batch, rank).
So all there is to save beside Lightning's own checkpoint is where training stands, and what the current
epoch has counted so far.
"""

import random
from typing import Any, Literal

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks.early_stopping import EarlyStopping, EarlyStoppingReason
from torch import Tensor
from torchmetrics import Metric

from src.data.batches import Cursor
from src.data.order import mix

Saved = dict[str, Any]


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


class ExactResume(L.Callback):
    """Makes every draw a function of (seed, epoch, batch, rank); saves and restores the position in the epoch.

    A checkpoint may be written at any hook: after any batch, within or after a validation, at an epoch's
    end (but not after the very last batch of `max_steps`, where Lightning has nothing left to go on with; its
    epoch's end is one). `on_load_checkpoint` tells Lightning's loops where that was in the one form that they continue
    from without a gap; what Lightning does not save (counts of metrics, gradients that are being accumulated,
    a plateau step that is due) comes back in `on_train_start`. Values that a module logs itself with
    ``self.log(float, on_epoch=True)`` are Lightning's and lose what was logged before; metric objects don't.
    """

    def __init__(self, seed: int, cursor: Cursor) -> None:
        self.seed, self.cursor = seed, cursor
        self._trainer: L.Trainer | None = None
        self._phase: Literal["epoch start", "batch", "validating", "validated", "epoch end"] = "epoch start"
        self._counting: set[str] = set()
        self._saved: Saved = {}

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Remember the trainer: saving asks it where it is."""
        self._trainer = trainer

    # Seeds and the position.

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Note that nothing of the epoch is done."""
        self._phase = "epoch start"

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed dropout and augmentation for this step."""
        reseed(self.seed, "step", trainer.current_epoch, batch_idx, trainer.global_rank)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the cursor on."""
        self.cursor.epoch, self.cursor.batch = trainer.current_epoch, batch_idx + 1
        self._phase = "batch"

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Seed what a network may draw in validation; note which metrics count training batches."""
        reseed(self.seed, "validation", trainer.current_epoch, trainer.global_step, trainer.global_rank)
        self._counting = {name for name, metric in _metrics(pl_module) if metric._update_count}
        self._phase = "validating"

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Note that the validation after this batch is done."""
        self._phase = "validated"

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Put the cursor at the next epoch's start, also when an epoch ended early."""
        self.cursor.epoch, self.cursor.batch = trainer.current_epoch + 1, 0
        self._phase = "epoch end"
        # Lightning 2.6 would leave out the plateau schedule in the epoch that was resumed in its middle.
        trainer.fit_loop._restarting = False

    # Saving.

    def state_dict(self) -> Saved:
        """Return the position, and what the epoch has counted so far; plain data and tensors."""
        trainer = self._trainer
        saved: Saved = {"epoch": self.cursor.epoch, "batch": self.cursor.batch, "seed": self.seed, "validation": None}
        if trainer is None:
            return saved
        saved["callback_metrics"] = {name: value.detach().clone() for name, value in trainer.callback_metrics.items()}
        if self._phase == "epoch end":
            saved["plateau"] = _plateau_steps_due(trainer)
        elif self._phase != "epoch start":
            saved |= self._of_the_epoch(trainer)
        return saved

    def _of_the_epoch(self, trainer: L.Trainer) -> Saved:
        """Return what the epoch has counted and accumulated so far, and whether a validation is due or done."""
        module, loop = trainer.lightning_module, trainer.fit_loop
        is_last = self.cursor.batch >= trainer.num_training_batches
        counting = {name: metric for name, metric in _metrics(module) if metric._update_count}
        validation = {"validating": "due", "validated": "done"}.get(self._phase)
        if self._phase == "validating":
            counting = {name: counting[name] for name in self._counting}
        elif self._phase == "batch" and loop._data_fetcher and loop.epoch_loop._should_check_val_fx(loop._data_fetcher):
            validation = "due"
        if validation == "done" and not is_last and trainer.should_stop and loop._can_stop_early:
            validation = "due"  # it ends the epoch before its time, which Lightning can't take up again: once more
        saved: Saved = {
            "validation": validation,
            "is_last": is_last,
            "metrics": {name: _counted(metric, trainer.world_size) for name, metric in counting.items()},
        }
        if self.cursor.batch % trainer.accumulate_grad_batches and not is_last:
            weights = module.named_parameters()
            saved["gradients"] = {name: weight.grad.clone() for name, weight in weights if weight.grad is not None}
        return saved

    # Going on.

    def load_state_dict(self, state_dict: Saved) -> None:
        """Put the cursor where the checkpoint was; the rest follows when training starts."""
        self.cursor.epoch, self.cursor.batch = state_dict["epoch"], state_dict["batch"]
        self._saved = state_dict

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: Saved) -> None:
        """Rewrite the progress of Lightning's loops as of one that stands right at the position."""
        states = checkpoint["callbacks"]
        _stand_at(checkpoint["loops"]["fit_loop"], states[self.state_key], trainer.accumulate_grad_batches)
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, EarlyStopping) and callback.state_key in states:
                states[callback.state_key]["patience"] = callback.patience  # Lightning would take the old one
        for schedule in checkpoint["lr_schedulers"]:  # laid out for the run's length as it is now
            for layout in ("total_steps", "_schedule_phases"):
                schedule.pop(layout, None)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Restore what Lightning does not."""
        saved, self._saved = self._saved, {}
        if not saved:
            return
        loop = trainer.fit_loop
        if not saved["batch"]:  # a new epoch, also to a run that ends by its steps, which Lightning would restart
            loop.epoch_loop.restarting = loop._restarting = False
        self._phase = "epoch start" if not saved["batch"] else "validated" if saved["validation"] == "done" else "batch"
        trainer.callback_metrics.update(saved.get("callback_metrics", {}))
        metrics = dict(_metrics(pl_module))
        for name, counted in saved.get("metrics", {}).items():
            if trainer.is_global_zero:  # the counts of all ranks together
                _count_on(metrics[name], counted)
        weights = dict(pl_module.named_parameters())
        for name, gradient in saved.get("gradients", {}).items():
            weights[name].grad = gradient.to(weights[name].device)
        for config in trainer.lr_scheduler_configs:
            if config.reduce_on_plateau and config.monitor in saved.get("plateau", {}):
                config.scheduler.step(saved["plateau"][config.monitor])
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, EarlyStopping):
                if _has_stopped(callback):
                    trainer.should_stop = not (saved["batch"] and saved["validation"] == "due")
                else:  # it has got more patience
                    callback.stopped_epoch, callback.stopping_reason = 0, EarlyStoppingReason.NOT_STOPPED


def _metrics(module: L.LightningModule) -> list[tuple[str, Metric]]:
    return [(name, metric) for name, metric in module.named_modules() if isinstance(metric, Metric)]


def _counted(metric: Metric, ranks: int) -> Saved:
    """The state of a metric, of all ranks together."""
    with metric.sync_context(should_sync=ranks > 1):
        state = {name: _copied(value) for name, value in metric.metric_state.items()}
    return {"updates": metric._update_count, "state": state}


def _copied(value: Tensor | list[Tensor]) -> Tensor | list[Tensor]:
    return [item.clone() for item in value] if isinstance(value, list) else value.clone()


def _count_on(metric: Metric, counted: Saved) -> None:
    metric._update_count, metric._computed = counted["updates"], None
    for name, value in counted["state"].items():
        on_device = [item.to(metric.device) for item in value] if isinstance(value, list) else value.to(metric.device)
        setattr(metric, name, on_device)


def _plateau_steps_due(trainer: L.Trainer) -> Saved:
    """What the plateau schedules will be told: Lightning steps them after the checkpoints of an epoch's end."""
    if not trainer.fit_loop.epoch_loop._num_ready_batches_reached():
        return {}
    return {
        config.monitor: trainer.callback_metrics[config.monitor].clone()
        for config in trainer.lr_scheduler_configs
        if config.reduce_on_plateau
        and config.interval == "epoch"
        and (trainer.current_epoch + 1) % config.frequency == 0
        and config.monitor in trainer.callback_metrics
    }


def _has_stopped(callback: EarlyStopping) -> bool:
    """Whether the run had come to its end; with more patience than it had, it goes on."""
    reason = callback.stopping_reason
    out_of_patience = callback.wait_count >= callback.patience
    return reason != EarlyStoppingReason.NOT_STOPPED and (
        reason != EarlyStoppingReason.PATIENCE_EXHAUSTED or out_of_patience
    )


def _stand_at(loops: Saved, state: Saved, accumulate: int) -> None:
    """Set the progress of the fit loop and those within it to the position in `state`.

    Between two batches every counter of a kind is equal. A validation that is due looks to Lightning like one
    that was begun (its first batch ready, none processed), and one that is done like a checkpoint written at its end.
    """
    epoch, batch, validation = state["epoch"], state["batch"], state["validation"]
    batches = loops["epoch_loop.batch_progress"]
    last_of_epoch = state.get("is_last", False)
    total = batches["total"]["processed"]
    begun = epoch + 1 if batch else epoch
    loops["epoch_progress"] = {
        kind: {"ready": begun, "started": begun, "processed": epoch, "completed": epoch}
        for kind in ("total", "current")
    }
    loops["epoch_loop.batch_progress"] = {
        "total": _all_at(total),
        "current": _all_at(batch),
        "is_last_batch": last_of_epoch,
    }
    due = int(validation == "due")
    loops["epoch_loop.val_loop.batch_progress"] = {
        "total": {"ready": due, "started": due, "processed": 0, "completed": 0},
        "current": _all_at(0),
        "is_last_batch": False,
    }
    # The number of optimizer steps as loggers see it; Lightning adds the latest when it comes back to a validation.
    optimizer = loops["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]
    stepped = batch % accumulate == 0 or last_of_epoch
    to_be_added = int(bool(batch) and validation is not None and stepped)
    loops["epoch_loop.state_dict"]["_batches_that_stepped"] = optimizer["step"]["total"]["completed"] - to_be_added


def _all_at(count: int) -> dict[str, int]:
    return {"ready": count, "started": count, "processed": count, "completed": count}
