"""Early stopping whose patience counts in full, also in a run that may not stop before `trainer.min_epochs`.

Lightning remembers from the first time on that a run was to be stopped, and ends one that has improved since as soon
as it may.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import lightning as L
from lightning.pytorch.callbacks.early_stopping import EarlyStopping, EarlyStoppingReason

from trainhouse.resuming.loops import can_stop_early
from trainhouse.resuming.trainer_parts import callbacks_of


def keep_patience(trainer: L.Trainer, states: dict[str, Any]) -> None:
    """Have the `states` of a checkpoint say the patience that there is now: Lightning would take the old one."""
    for callback in early_stopping_of(trainer):
        if callback.state_key in states:
            states[callback.state_key]["patience"] = callback.patience


def early_stopping_of(trainer: L.Trainer) -> list[EarlyStopping]:
    """Return those of a trainer's callbacks that stop early."""
    return [callback for callback in callbacks_of(trainer) if isinstance(callback, EarlyStopping)]


def count_in_full(callback: EarlyStopping) -> None:
    """Have `callback` forget that its patience ran out once there is an improvement; to be called once."""
    for name in ("on_validation_end", "on_train_epoch_end"):
        setattr(callback, name, partial(_check, callback, getattr(callback, name)))


def stop_again(callback: EarlyStopping, trainer: L.Trainer, is_validation_due: bool) -> None:
    """Have a resumed run end where it was to end, unless it has got more patience since."""
    if not _should_stop_now(callback):
        _forget(callback)
    elif can_stop_early(trainer):
        trainer.should_stop = not is_validation_due


def _check(
    callback: EarlyStopping, hook: Callable[..., None], trainer: L.Trainer, module: L.LightningModule, *more: Any
) -> None:
    before = trainer.should_stop  # what others have asked for
    hook(trainer, module, *more)
    if trainer.state.fn != "fit" or trainer.sanity_checking:
        return
    if not _should_stop_now(callback):
        _forget(callback)
    if trainer.strategy.reduce_boolean_decision(_should_stop_now(callback), all=False):
        trainer.should_stop = before or can_stop_early(trainer)


def _should_stop_now(callback: EarlyStopping) -> bool:
    """Whether the run is to end; with an improvement since, or more patience than it had, it is not."""
    reason = callback.stopping_reason
    out_of_patience = callback.wait_count >= max(callback.patience, 1)  # 0 ends at the first that is not better
    return reason != EarlyStoppingReason.NOT_STOPPED and (
        reason != EarlyStoppingReason.PATIENCE_EXHAUSTED or out_of_patience
    )


def _forget(callback: EarlyStopping) -> None:
    """Let the run be one that is not to end."""
    callback.stopped_epoch, callback.stopping_reason = 0, EarlyStoppingReason.NOT_STOPPED
