"""What exact resume needs of Lightning's loops, and Lightning has no public name for: all of it is here.

Tried with the versions in `TRIED`. Under another one nothing here is used: a run says so, and its resume is
Lightning's own.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.trainer.connectors.logger_connector.result import _Metadata, _ResultMetric, _Sync
from lightning.pytorch.utilities.model_helpers import is_overridden

TRIED = ("2.6.",)

_log = logging.getLogger(__name__)

Saved = dict[str, Any]


def was_tried() -> bool:
    """Whether this version of Lightning is one that exact resume was tried with."""
    return L.__version__.startswith(TRIED)


# Values that a module logs with `self.log(..., on_epoch=True)`.


def logged_so_far(trainer: L.Trainer) -> list[Saved]:
    """Return the epoch's sums of what was logged in training steps, as plain data; metric objects keep their own."""
    results = trainer.fit_loop.epoch_loop._results
    saved = []
    for key in sorted(results):
        result = results[key]
        if not result.meta.on_epoch or result.has_reset or (result.is_tensor and not result.update_called):
            continue
        sums = {"value": result.value.detach().clone()} if result.is_tensor else {}
        if result.is_tensor and result.meta.is_mean_reduction:
            sums["cumulated_batch_size"] = result.cumulated_batch_size.detach().clone()
        if result.meta.sync.should and trainer.world_size > 1:
            together = {torch.max: "max", torch.min: "min"}.get(result.meta.reduce_fx, "sum")
            sums = {name: trainer.strategy.reduce(value, reduce_op=together) for name, value in sums.items()}
        fields = {name: getattr(result.meta, name) for name in _FIELDS}
        sync = {"should": result.meta.sync.should, "rank_zero_only": result.meta.sync.rank_zero_only}
        saved.append({"key": key, "reduce_fx": result.meta.reduce_fx.__name__, "fields": fields, "sync": sync, **sums})
    return saved


_FIELDS = (
    "fx",
    "name",
    "prog_bar",
    "logger",
    "on_step",
    "on_epoch",
    "enable_graph",
    "add_dataloader_idx",
    "dataloader_idx",
    "metric_attribute",
)


def go_on_logging(trainer: L.Trainer, saved: list[Saved]) -> None:
    """Put the sums of an epoch that was begun before back where Lightning adds to them."""
    results = trainer.fit_loop.epoch_loop._results
    device = trainer.strategy.root_device
    metrics: dict[str | None, Any] = dict(trainer.lightning_module.named_modules())
    for entry in saved:
        meta = _Metadata(reduce_fx=getattr(torch, entry["reduce_fx"]), **entry["fields"])
        sync = entry["sync"]
        meta.sync = _Sync(_should=sync["should"], fn=trainer.strategy.reduce, rank_zero_only=sync["rank_zero_only"])
        if "value" not in entry:  # a metric object, which may not be logged again in this epoch
            if (metric := metrics.get(meta.metric_attribute)) is not None:
                results[entry["key"]] = result = _ResultMetric(meta, is_tensor=False)
                result.value = metric
            continue
        result = _ResultMetric(meta, is_tensor=True).to(device)
        if trainer.is_global_zero or not sync["should"]:  # the sums of all ranks together
            for name in ("value", "cumulated_batch_size"):
                if name in entry:
                    setattr(result, name, entry[name].to(device))
        result._update_count = 1
        results[entry["key"]] = result
    if saved:
        trainer._logger_connector._first_loop_iter = True  # else the first batch would reset them


def of_all_ranks(what: Any) -> list[Any]:
    """Return what each rank has; a collective."""
    gathered: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(gathered, what)
    return gathered


def of_any_rank(names: list[str]) -> list[str]:
    """Return the names that any rank has, in the same order on each; a collective."""
    return sorted({name for part in of_all_ranks(names) for name in part})  # a set has another order in each process


def modes_of_training(trainer: L.Trainer, is_validating: bool) -> list[str]:
    """Return the names of submodules that the user has put in eval mode for training."""
    module = trainer.lightning_module
    if is_validating:
        captured = trainer.fit_loop.epoch_loop.val_loop._module_mode.mode
        return [name for name, training in captured.items() if name and not training]
    return [name for name, part in module.named_modules() if name and not part.training]


# What loggers are told.


def about_to_log(trainer: L.Trainer) -> list[Saved]:
    """Return the row that Lightning gives its loggers after the hooks of this moment, if there is one; a collective.

    A run that goes on from a checkpoint written in such a hook stands behind that moment, and would never log it.
    """
    fit, epoch, connector = trainer.fit_loop, trainer.fit_loop.epoch_loop, trainer._logger_connector
    batches: Any = epoch.batch_progress.current
    epochs: Any = fit.epoch_progress.current
    step = epoch._batches_that_stepped
    if batches.processed > batches.completed:
        if fit._should_accumulate() and trainer.lightning_module.automatic_optimization:
            return []
        if not connector.should_update_logs and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            return []
    elif epochs.processed > epochs.completed:
        step -= 1
    else:
        return []
    logged = {name: value.item() for name, value in connector.metrics["log"].items()}
    if not logged:
        return []
    if "step" in logged:
        step = int(logged.pop("step"))
    else:
        logged.setdefault("epoch", trainer.current_epoch)
    return [{"metrics": logged, "step": step}]


def validation_loaders(trainer: L.Trainer) -> list[tuple[Any, int | float]]:
    """Return each loader of the validation, and its number of batches on this rank.

    Where batches come from several loaders at once, a batch is counted as one of the shortest.
    """
    loop = trainer.fit_loop.epoch_loop.val_loop
    if loop._combined_loader is None:
        return []
    loaders, numbers = loop._combined_loader.flattened, loop.max_batches
    return list(zip(loaders, numbers if loop._is_sequential else [min(numbers)] * len(numbers), strict=True))


def batches_seen(trainer: L.Trainer) -> list[int]:
    """Return the batches of each validation loader so far: the steps by which what validation steps log is known."""
    seen = trainer.fit_loop.epoch_loop.val_loop._seen_batches_per_dataloader
    return [seen[number] for number in range(len(seen))]


def go_on_counting(trainer: L.Trainer, seen: list[int]) -> None:
    """Set what `batches_seen` has returned."""
    trainer.fit_loop.epoch_loop.val_loop._seen_batches_per_dataloader.update(enumerate(seen))


# The position of Lightning's loops.


def was_last_batch(trainer: L.Trainer, done: int) -> bool:
    """Whether `done` batches are all of the epoch, also of data without a length."""
    return done >= trainer.num_training_batches or trainer.fit_loop.epoch_loop.batch_progress.is_last_batch


def is_validation_due(trainer: L.Trainer) -> bool:
    """Whether the batch that was done last is followed by a validation."""
    loop = trainer.fit_loop
    return bool(loop._data_fetcher and loop.epoch_loop._should_check_val_fx(loop._data_fetcher))


def can_stop_early(trainer: L.Trainer) -> bool:
    """Whether the run has got as far as it has to."""
    return trainer.fit_loop._can_stop_early


def begin_new_epoch(trainer: L.Trainer) -> None:
    """Have the run begin an epoch, and not take one up again."""
    trainer.fit_loop.epoch_loop.restarting = trainer.fit_loop._restarting = False


def end_of_resumed_epoch(trainer: L.Trainer) -> None:
    """Let the plateau schedule step: Lightning 2.6 leaves it out in the epoch that was resumed in its middle."""
    trainer.fit_loop._restarting = False


def plateau_steps_due(trainer: L.Trainer) -> Saved:
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

    for callback in trainer.callbacks:  # type: ignore[attr-defined]
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


def logged_metrics(trainer: L.Trainer, of_validation: bool) -> list[Any]:
    """Return the metric objects that were logged in training, or in validation: Lightning resets them at its end."""
    loop = trainer.fit_loop.epoch_loop
    results = loop.val_loop._results if of_validation else loop._results
    return [result.value for result in results.values() if not result.is_tensor]


def logged_in_evaluation(trainer: L.Trainer) -> dict[str, float]:
    """Return what the evaluation that ends now has logged, all its loaders together, as this rank knows it."""
    results: Any = trainer._results
    computed = [(result, result._computed) for result in results.values() if not result.has_reset]
    return {
        results._forked_name(result, on_step=False)[0]: value.item()
        for result, value in computed
        if isinstance(value, torch.Tensor) and value.numel() == 1
    }


def logged_directions(trainer: L.Trainer) -> dict[str, str]:
    """Return the better end, ``min`` or ``max``, of the metric objects that were logged and say which it is."""
    better = {}
    for results in (trainer.fit_loop.epoch_loop._results, trainer.fit_loop.epoch_loop.val_loop._results):
        for result in results.values():
            larger = None if result.is_tensor else getattr(result.value, "higher_is_better", None)
            if larger is not None:
                better[result.meta.name] = "max" if larger else "min"
    return better


def logged_twice(trainer: L.Trainer) -> set[str]:
    """Return the names under which both training and validation have logged something: one hides the other."""
    loop = trainer.fit_loop.epoch_loop
    names = [{result.meta.name for result in results.values()} for results in (loop._results, loop.val_loop._results)]
    return names[0] & names[1]


def synchronised_in_steps(trainer: L.Trainer) -> list[str]:
    """Return the names of what is logged so that ranks wait for one another in every step."""
    results: Any = trainer._results or {}
    return sorted({result.meta.name for result in results.values() if result.meta.on_step and result.meta.sync.should})
