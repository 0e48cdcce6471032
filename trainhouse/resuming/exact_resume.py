"""Exact resume: a run that resumes from any of its checkpoints ends with the same bits as one that never stopped.

Nothing random has a state: every draw is a function of a key, such as (seed, "step", epoch, batch, rank).
So all there is to save beside Lightning's own checkpoint is where training stands, and what the current
epoch has counted so far.
"""

import logging
from dataclasses import asdict
from typing import Any, Literal

import lightning as L

from trainhouse.arrays.batches import Cursor
from trainhouse.resuming import loops
from trainhouse.resuming.attributes import PlainAttributes
from trainhouse.resuming.averaging import read_in_double, tell_averages_apart
from trainhouse.resuming.digest import digest
from trainhouse.resuming.early_stopping import count_in_full, early_stopping_of, keep_patience, stop_again
from trainhouse.resuming.exact_data import ExactData
from trainhouse.resuming.finders import refuse_finders
from trainhouse.resuming.gathering import of_all_ranks
from trainhouse.resuming.logged_values import continue_logging, counts_of_all, logged_so_far
from trainhouse.resuming.module_state import counting, frozen_in, gradients_of, restore_state, tracked_by
from trainhouse.resuming.other_ranks import change_of_ranks, ends_epoch
from trainhouse.resuming.seeded_evaluation import SeededEvaluation
from trainhouse.resuming.seeding import reseed
from trainhouse.resuming.trainer_parts import batches_of_step, callbacks_of, datamodule_of
from trainhouse.resuming.unsaved import Unsaved
from trainhouse.resuming.why_not_exact import HOW_TO_SAVE, IN_STEP, NOT_EXACT, why_not_exact

Saved = dict[str, Any]

_log = logging.getLogger(__name__)


class ExactResume(SeededEvaluation):
    """Makes every draw a function of (seed, epoch, batch, rank); saves and restores the position in the epoch.

    A checkpoint may be written at any hook: after any batch, within or after a validation, at an epoch's
    end (but not after the very last batch of `max_steps`, where Lightning has nothing left to run; its
    epoch's end is one). `on_load_checkpoint` puts Lightning's loops there, in the one form that they continue
    from without a gap; what Lightning does not save (counts of metrics and of logged values, gradients that are being
    accumulated, a plateau step that is due, submodules in eval mode) comes back in `_restore`.
    """

    def __init__(self, seed: int, cursor: Cursor) -> None:
        super().__init__(seed)
        self.cursor = cursor
        self.data: ExactData | None = None
        """The loaders of a user's own DataModule; array data needs nothing but the cursor."""
        self.reasons: list[str] = []
        """Why a resume of this run is not exact; empty if it is."""
        self._trainer: L.Trainer | None = None
        self._phase: Literal["epoch start", "batch", "validating", "validated", "epoch end"] = "epoch start"
        self._counting, self._trackers = list[str](), dict[str, int]()
        self._attributes: PlainAttributes | None = None
        self._unsaved: Unsaved | None = None
        self._before_validation: dict[str, dict[str, Any]] = {}
        self._seen_before_validation: list[int] = []
        self._saved: Saved = {}
        if not (was_tried := loops.was_tried()):
            self.not_exact(f"exact resume was not tried with lightning {L.__version__}")
        self._is_on, self._is_set_up = was_tried, False
        self._is_in_step = self._broke_in_step = False

    def not_exact(self, reason: str, is_known: bool = False) -> None:
        """Take note, and say once unless it `is_known`, why a resume of this run is not exact."""
        if reason not in self.reasons:
            self.reasons.append(reason)
            _log.log(logging.DEBUG if is_known else logging.WARNING, NOT_EXACT, reason)

    def data_differs(self, what: str) -> None:
        """Take note that the data doesn't give the same batch again: it has a random state of its own, or changed."""
        name = type(datamodule_of(self._trainer)).__name__ if self._trainer else "the data"
        self.not_exact(f"{name} {what}: it keeps a random state of its own, or reads what has changed")

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Remember the trainer: saving asks it where it is."""
        self._trainer = trainer
        if stage == "fit":
            if self._is_on and not self._is_set_up:
                self._is_set_up = True
                loops.save_after_the_module(trainer, pl_module)
                loops.after_train_start(trainer, self._restore)
                tell_averages_apart(trainer)
                for callback in early_stopping_of(trainer):
                    count_in_full(callback)
            refuse_finders(callbacks_of(trainer), f"{type(pl_module).__name__}.configure_callbacks")
            for reason in why_not_exact(trainer):
                self.not_exact(reason)

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Note that nothing of the epoch is done; seed what hooks draw at its start."""
        self._phase = "epoch start"
        reseed(self.seed, "epoch", trainer.current_epoch, trainer.global_rank)

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed dropout and augmentation for this step."""
        reseed(self.seed, "step", trainer.current_epoch, batch_idx, trainer.global_rank)
        self._is_in_step = True

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the cursor on."""
        self.cursor.epoch, self.cursor.batch = trainer.current_epoch, batch_idx + 1
        self._phase, self._is_in_step = "batch", False

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Note what a checkpoint that is written now was written in."""
        self._broke_in_step = self._is_in_step

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Seed what a network may draw in validation; note which metrics count training batches."""
        super().on_validation_start(trainer, pl_module)
        if self._attributes:
            self._before_validation = self._attributes.changed()
        self._counting, self._trackers = counting(pl_module), tracked_by(pl_module)
        self._seen_before_validation = loops.batches_seen(trainer) if self._is_on else []
        self._phase = "validating"

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Note that the validation after this batch is done; seed what hooks draw after it."""
        self._phase = "validated"
        reseed(self.seed, "validated", trainer.current_epoch, self.cursor.batch, trainer.global_rank)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Put the cursor at the next epoch's start, also when an epoch ended early."""
        self.cursor.epoch, self.cursor.batch = trainer.current_epoch + 1, 0
        self._phase = "epoch end"
        if self._is_on:
            loops.begin_new_epoch(trainer)

    def state_dict(self) -> Saved:
        """Return the position, and what the epoch has counted so far; plain data and tensors."""
        trainer = self._trainer
        saved: Saved = {"seed": self.seed, "validation": None, **asdict(self.cursor)}
        for what in self._unsaved.changed() if self._unsaved else ():
            self.not_exact(f"{what} changes in training, and no checkpoint holds it{HOW_TO_SAVE}")
        saved["reasons"] = [*self.reasons, *([IN_STEP] if self._broke_in_step else [])]
        if trainer is None:
            return saved
        saved["ranks"] = trainer.world_size
        if not self._is_on:
            return saved
        saved["callback_metrics"] = {name: value.detach().clone() for name, value in trainer.callback_metrics.items()}
        saved["in_eval_mode"] = loops.modes_of_training(trainer, self._phase in ("validating", "validated"))
        saved["frozen"] = frozen_in(trainer.lightning_module)
        if self.data:
            saved["data"] = self.data.state(self.cursor.epoch, self.cursor.batch, self._phase == "validating")
            saved["first_batch"] = self.data.first_digests
        if self._phase == "epoch end":
            saved["plateau"] = loops.plateau_steps_due(trainer)
        elif self._phase != "epoch start":
            saved |= self._of_the_epoch(trainer)
        is_again = self._phase in ("validating", "validated") and saved["validation"] == "due"
        saved["validated_batches"] = self._seen_before_validation if is_again else loops.batches_seen(trainer)
        saved["metrics"] = counts_of_all(trainer, self._phase, self._counting)
        again = self._phase == "validating"
        saved["trackers"] = self._trackers if again else tracked_by(trainer.lightning_module)
        if self._attributes:
            saved["attributes"] = self._before_validation if again else self._attributes.changed()
            if trainer.world_size > 1 and len({*of_all_ranks(digest(saved["attributes"], whole=True))}) > 1:
                self.not_exact("attributes of the module, or of callbacks, are saved as the first rank has them")
        if not trainer.lightning_module.automatic_optimization:  # whose gradients count is known to its author alone
            saved["gradients"] = gradients_of(trainer.lightning_module)
        return saved

    def _of_the_epoch(self, trainer: L.Trainer) -> Saved:
        """Return what the epoch has counted and accumulated so far, and whether a validation is due or done."""
        is_last = loops.was_last_batch(trainer, self.cursor.batch)
        validation = {"validating": "due", "validated": "done"}.get(self._phase)
        if self._phase == "batch" and loops.is_validation_due(trainer):
            validation = "due"
        if validation == "done" and not is_last and trainer.should_stop and loops.can_stop_early(trainer):
            validation = "due"  # it ends the epoch before its time, which Lightning can't take up again: once more
        saved: Saved = {"validation": validation, "is_last": is_last, "logged": logged_so_far(trainer)}
        if self.cursor.batch % trainer.accumulate_grad_batches and not is_last:
            saved["gradients"] = gradients_of(trainer.lightning_module)
            if trainer.world_size > 1:  # each rank's own, whose mean all take
                reduce = trainer.strategy.reduce
                saved["gradients"] = {name: reduce(one, reduce_op="mean") for name, one in saved["gradients"].items()}
        return saved

    def load_state_dict(self, state_dict: Saved) -> None:
        """Put the cursor where the checkpoint was; the rest follows when training starts."""
        self.cursor.epoch, self.cursor.batch = state_dict["epoch"], state_dict["batch"]
        self.cursor.rows = state_dict.get("rows")
        if self._trainer and (change := change_of_ranks(state_dict, self._trainer)):
            self.not_exact(change.reason)
            state_dict = change.saved
        self._saved = state_dict
        for reason in state_dict.get("reasons", []):
            self.not_exact(reason, is_known=reason != IN_STEP)
        if self.data:
            self.data.restore(state_dict.get("data", {}))
            self.data.expected_first = state_dict.get("first_batch", [])

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: Saved) -> None:
        """Rewrite the progress of Lightning's loops as of one that stands right at the position."""
        states = checkpoint["callbacks"]
        read_in_double(trainer, pl_module, checkpoint)
        if states[self.state_key].get("ranks", trainer.world_size) != trainer.world_size:
            checkpoint["loops"]["fit_loop"]["state_dict"].pop("combined_loader", None)  # of loaders of the first rank
        if self._is_on:
            loops.stand_at(
                checkpoint["loops"]["fit_loop"],
                states[self.state_key],
                batches_of_step(trainer, states[self.state_key]["epoch"]),
                is_automatic=pl_module.automatic_optimization,
            )
        keep_patience(trainer, states)
        for schedule in checkpoint["lr_schedulers"]:  # laid out for the run's length as it is now
            for layout in ("total_steps", "_schedule_phases", "T_max"):
                schedule.pop(layout, None)

    def _restore(self) -> None:
        """Restore what Lightning does not, when the module's own `on_train_start` has been."""
        trainer = self._trainer
        assert trainer is not None
        pl_module, saved, self._saved = trainer.lightning_module, self._saved, {}
        if not self._is_on:
            return
        self._attributes = PlainAttributes(pl_module, callbacks_of(trainer))
        self._unsaved = Unsaved(self._attributes, trainer)
        if not saved:
            return
        trainer.accumulate_grad_batches = batches_of_step(trainer, saved["epoch"])
        if not saved["batch"]:  # a new epoch, also to a run that ends by its steps, which Lightning would restart
            loops.begin_new_epoch(trainer)
        self._phase = "epoch start" if not saved["batch"] else "validated" if saved["validation"] == "done" else "batch"
        trainer.callback_metrics.update(saved.get("callback_metrics", {}))
        restore_state(pl_module, saved, trainer.is_global_zero)
        self._attributes.restore(saved.get("attributes", {}))  # a metric that was reset has forgotten its own
        continue_logging(trainer, saved.get("logged", []))
        loops.continue_counting(trainer, saved.get("validated_batches", []))
        for config in trainer.lr_scheduler_configs:
            if config.reduce_on_plateau and config.monitor in saved.get("plateau", {}):
                config.scheduler.step(saved["plateau"][config.monitor])
        is_due = bool(saved["batch"]) and saved["validation"] == "due"
        for callback in early_stopping_of(trainer):
            stop_again(callback, trainer, is_due)
        if ends_epoch(saved, trainer):
            self._phase, self.cursor.batch = "batch", loops.end_epoch(trainer)
