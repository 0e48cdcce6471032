"""Where Lightning's loops stand, as exact resume needs it and Lightning has no public name for it.

Under a version that it was not tried with nothing here or in `logged_values.py` is used: a run says so, and its resume
is Lightning's own.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.utilities.model_helpers import is_overridden

from trainhouse.configuration.private_names import are_there
from trainhouse.resuming import PRIVATE_NAMES
from trainhouse.resuming.trainer_parts import callbacks_of

Saved = dict[str, Any]


def was_tried() -> bool:
    """Whether this version of Lightning is one that exact resume was tried with."""
    return are_there(PRIVATE_NAMES)


def modes_of_training(trainer: L.Trainer, is_validating: bool) -> list[str]:
    """Return the names of submodules that the user has put in eval mode for training."""
    module = trainer.lightning_module
    if is_validating:
        captured = trainer.fit_loop.epoch_loop.val_loop._module_mode.mode
        return [name for name, training in captured.items() if name and not training]
    return [name for name, part in module.named_modules() if name and not part.training]


def evaluated_loaders(trainer: L.Trainer) -> list[tuple[Any, int | float]]:
    """Return each loader of the validation, or of the test, and its number of batches on this rank.

    Where batches come from several loaders at once, a batch is counted as one of the shortest.
    """
    loop = trainer.test_loop if trainer.testing else trainer.fit_loop.epoch_loop.val_loop
    loader, numbers = loop._combined_loader, loop.max_batches
    if loader is None:
        return []
    if loader._mode != "sequential":
        numbers = [min(numbers)] * len(numbers)
    return list(zip(loader.flattened, numbers, strict=True))


def batches_seen(trainer: L.Trainer) -> list[int]:
    """Return the batches of each validation loader so far: the steps by which what validation steps log is known."""
    seen = trainer.fit_loop.epoch_loop.val_loop._seen_batches_per_dataloader
    return [seen[number] for number in range(len(seen))]


def continue_counting(trainer: L.Trainer, seen: list[int]) -> None:
    """Set what `batches_seen` has returned."""
    trainer.fit_loop.epoch_loop.val_loop._seen_batches_per_dataloader.update(enumerate(seen))


def was_last_batch(trainer: L.Trainer, done: int) -> bool:
    """Whether `done` batches are all of the epoch, also of data without a length."""
    return done >= trainer.num_training_batches or trainer.fit_loop.epoch_loop.batch_progress.is_last_batch


def is_validation_due(trainer: L.Trainer) -> bool:
    """Whether the batch that was done last is followed by a validation."""
    loop = trainer.fit_loop
    return bool(loop._data_fetcher and loop.epoch_loop._should_check_val_fx(loop._data_fetcher))


def can_stop_early(trainer: L.Trainer) -> bool:
    """Whether the run has got as far as it has to."""
    epochs: Any = trainer.fit_loop.epoch_progress.current
    return bool(epochs.processed >= (trainer.min_epochs or 0) and trainer.global_step >= (trainer.min_steps or 0))


def begin_new_epoch(trainer: L.Trainer) -> None:
    """Have the run begin an epoch, and not take one up again.

    At the end of an epoch that was resumed in its middle it also lets a plateau schedule step, which Lightning 2.6
    leaves out there.
    """
    trainer.fit_loop.epoch_loop.restarting = trainer.fit_loop._restarting = False


def end_epoch(trainer: L.Trainer) -> int:
    """Leave out what is left of the epoch that is resumed: only its end, and the validation before it, is to come.

    Returns the batches that are taken for done.
    """
    loop = trainer.fit_loop.epoch_loop
    progress, batches = loop.batch_progress, trainer.num_training_batches
    if isinstance(batches, int):
        vars(progress.current).update(_all_at(batches))
    progress.is_last_batch = True
    due = is_validation_due(trainer)
    vars(loop.val_loop.batch_progress.total).update({"ready": due, "started": due, "processed": 0, "completed": 0})
    loop.val_loop._has_run = not due
    loop._batches_that_stepped -= due  # to which Lightning adds one behind that validation
    loop.update_restart_stage()
    loop.update_lr_schedulers("epoch", update_plateau_schedulers=False)
    return int(progress.current.completed)


def plateau_steps_due(trainer: L.Trainer) -> Saved:
    """The value that plateau schedules will get: Lightning steps them after the checkpoints of an epoch's end."""
    if not was_last_batch(trainer, trainer.fit_loop.epoch_loop.batch_progress.current.ready):
        return {}
    return {
        config.monitor: trainer.callback_metrics[config.monitor].clone()
        for config in trainer.lr_scheduler_configs
        if config.reduce_on_plateau
        and config.interval == "epoch"
        and (trainer.current_epoch + 1) % config.frequency == 0
        and config.monitor in trainer.callback_metrics
    }


def stand_at(loops: Saved, state: Saved, accumulate: int, is_automatic: bool = True) -> None:
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
    steps = optimizer["step"]["total"]["completed"] if is_automatic else total
    stepped = batch % accumulate == 0 or last_of_epoch
    to_be_added = int(bool(batch) and validation is not None and stepped)
    loops["epoch_loop.state_dict"]["_batches_that_stepped"] = steps - to_be_added


def _all_at(count: int) -> dict[str, int]:
    return {"ready": count, "started": count, "processed": count, "completed": count}


def after_train_start(trainer: L.Trainer, act: Callable[[], None]) -> None:
    """Have `act` called when callbacks and the module have done what they do as training starts."""
    strategy: Any = trainer.strategy
    on_train_start = strategy.on_train_start

    def start() -> None:
        on_train_start()
        act()

    strategy.on_train_start = start


def save_after_the_module(trainer: L.Trainer, module: L.LightningModule) -> None:
    """Have callbacks that save run after the module's own `on_train_batch_end`, as Lightning does at an epoch's end.

    Else a checkpoint lacks what that hook does, as to move an average of the weights on. To be called once.
    """
    if not is_overridden("on_train_batch_end", module):
        return
    waiting: list[Callable[[], None]] = []

    def wait(hook: Callable[..., None], *args: Any) -> None:
        waiting.append(partial(hook, *args))

    for callback in callbacks_of(trainer):
        hook = callback.on_train_batch_end
        if isinstance(callback, Checkpoint) and callable(hook):
            callback.on_train_batch_end = partial(wait, hook)  # type: ignore[method-assign]
    loop: Any = trainer.fit_loop.epoch_loop
    advance = loop.advance

    def advance_then_save(data_fetcher: Any) -> None:
        waiting.clear()
        advance(data_fetcher)
        for hook in waiting:
            hook()

    loop.advance = advance_then_save


def logged_step(trainer: L.Trainer) -> int:
    """Return the step that loggers get now: several optimizers that step after one batch make one."""
    return int(trainer.fit_loop.epoch_loop._batches_that_stepped) if was_tried() else trainer.global_step


@contextmanager
def at_last_step(trainer: L.Trainer) -> Iterator[None]:
    """Let loggers have what comes in the block at the last step, as Lightning does at an epoch's end.

    Steps count from 0, and when all are done the next one would be named.
    """
    loop = trainer.fit_loop.epoch_loop
    if not was_tried() or loop._batches_that_stepped == 0:
        yield
        return
    loop._batches_that_stepped -= 1
    try:
        yield
    finally:
        loop._batches_that_stepped += 1


def last_step_of(checkpoint: Saved) -> int:
    """Return the step at which loggers have the values of a checkpoint's weights, as validation has logged them."""
    try:
        loops = checkpoint["loops"]["fit_loop"]
        steps = loops["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]["step"]["total"]["completed"]
        steps = steps or loops["epoch_loop.batch_progress"]["total"]["processed"]  # which a module's own steps count by
    except (KeyError, TypeError):  # of another version of Lightning
        steps = checkpoint["global_step"]
    return max(int(steps) - 1, 0)
