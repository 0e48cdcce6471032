"""What a module has logged, where Lightning keeps it and has no public name for it."""

from typing import Any

import lightning as L
import torch

from trainhouse.resuming.gathering import of_any_rank
from trainhouse.resuming.loops import was_last_batch
from trainhouse.resuming.module_state import Saved, counting, counts_of, metrics_of
from trainhouse.resuming.trainer_parts import is_fast_dev_run


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


def continue_logging(trainer: L.Trainer, saved: list[Saved]) -> None:
    """Put the sums of an epoch that was begun before back where Lightning adds to them."""
    from lightning.pytorch.trainer.connectors.logger_connector.result import _Metadata, _ResultMetric, _Sync

    results = trainer.fit_loop.epoch_loop._results
    device = trainer.strategy.root_device
    metrics: dict[str | None, Any] = dict(trainer.lightning_module.named_modules())
    for entry in saved:
        meta = _Metadata(reduce_fx=getattr(torch, entry["reduce_fx"]), **entry["fields"])
        sync = entry["sync"]
        meta.sync = _Sync(fn=trainer.strategy.reduce, rank_zero_only=sync["rank_zero_only"])
        meta.sync.should = sync["should"]
        if "value" not in entry:  # a metric object, which may not be logged again in this epoch
            if (metric := metrics.get(meta.metric_attribute)) is not None:
                results[entry["key"]] = result = _ResultMetric(meta, is_tensor=False)
                result.value, result._update_count = metric, 1
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


def about_to_log(trainer: L.Trainer) -> list[Saved]:
    """Return the row that Lightning gives its loggers after the hooks of this moment, if there is one; a collective.

    A run that resumes from a checkpoint written in such a hook stands behind that moment, and would never log it.
    """
    fit, epoch, connector = trainer.fit_loop, trainer.fit_loop.epoch_loop, trainer._logger_connector
    batches: Any = epoch.batch_progress.current
    epochs: Any = fit.epoch_progress.current
    step = epoch._batches_that_stepped
    if batches.processed > batches.completed:
        # A strategy that accumulates by itself, as DeepSpeed, does not step on a shorter last group.
        steps_on_last = not trainer.strategy.handles_gradient_accumulation and was_last_batch(trainer, batches.ready)
        steps = batches.ready % trainer.accumulate_grad_batches == 0 or steps_on_last
        if not steps and trainer.lightning_module.automatic_optimization:
            return []
        if not connector.should_update_logs and not is_fast_dev_run(trainer):
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


def logged_in_steps(trainer: L.Trainer) -> dict[str, tuple[float, bool]]:
    """Return what this epoch's training steps have logged so far, and whether a bar is to show it.

    It is the mean over the epoch, of what is logged for steps alone the last value; as this rank knows it.
    """
    logged = {}
    for result in trainer.fit_loop.epoch_loop._results.values():
        meta = result.meta
        if not result.is_tensor or meta.fx != "training_step" or result.has_reset or not meta.is_mean_reduction:
            continue
        value = result.value / result.cumulated_batch_size if meta.on_epoch else result.value
        if value.numel() == 1:
            logged[meta.name] = value.item(), meta.prog_bar
    return logged


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


def counts_of_all(trainer: L.Trainer, phase: str, before_validation: list[str]) -> Saved:
    """Return what metrics of all ranks have counted, but for those that Lightning is about to reset; a collective."""
    names = counting(trainer.lightning_module)
    if trainer.world_size > 1:  # each of them waits for all ranks
        names = of_any_rank(names)
    if phase == "validating":  # which begins again
        before = of_any_rank(before_validation) if trainer.world_size > 1 else before_validation
        names = [name for name in names if name in before]
    metrics = [(name, metric) for name, metric in metrics_of(trainer.lightning_module) if name in names]
    if phase in ("validated", "epoch end"):
        logged = logged_metrics(trainer, of_validation=phase == "validated")
        metrics = [(name, metric) for name, metric in metrics if not any(metric is other for other in logged)]
    return {name: counts_of(metric, trainer.world_size) for name, metric in metrics}
