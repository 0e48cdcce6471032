"""What a module is in the middle of, and neither its state dict nor Lightning's loops hold."""

from typing import Any

import lightning as L
from torch import Tensor
from torchmetrics import Metric, MetricTracker
from torchmetrics.wrappers.abstract import WrapperMetric

from trainhouse.resuming.sharded import shared_like, whole

Saved = dict[str, Any]


def metrics_of(module: L.LightningModule) -> list[tuple[str, Metric]]:
    """Return the metric objects among the module's parts, by their names."""
    return [(name, metric) for name, metric in module.named_modules() if isinstance(metric, Metric)]


def counting(module: L.LightningModule) -> list[str]:
    """Return the names of the metric objects that have counted something since they were reset.

    What wraps another metric, and has a state of its own as `Running` has, does not know whether it has.
    """
    return [
        name
        for name, metric in metrics_of(module)
        if metric.update_called or (isinstance(metric, WrapperMetric) and metric.metric_state)
    ]


def counts_of(metric: Metric, ranks: int) -> Saved:
    """Return the state of a metric, of all ranks together; a collective."""
    with metric.sync_context(should_sync=ranks > 1):
        state = {name: _copied(value) for name, value in metric.metric_state.items()}
    return {"updates": metric.update_count, "state": state}


def tracked_by(module: L.LightningModule) -> dict[str, int]:
    """Return the number of parts of each `MetricTracker`, which has one more metric object after each `increment`."""
    return {name: len(part) for name, part in module.named_modules() if isinstance(part, MetricTracker)}


def gradients_of(module: L.LightningModule) -> dict[str, Tensor]:
    """Return copies of the gradients that there are, by the names of their weights."""
    return {name: whole(weight.grad).clone() for name, weight in module.named_parameters() if weight.grad is not None}


def frozen_in(module: L.LightningModule) -> list[str]:
    """Return the names of the weights that take no gradient."""
    return [name for name, weight in module.named_parameters() if not weight.requires_grad]


def restore_state(module: L.LightningModule, saved: Saved, is_first_rank: bool) -> None:
    """Put counts, frozen weights, gradients and submodules in eval mode back, as far as they are in `saved`."""
    parts = dict(module.named_modules())
    for name, size in saved.get("trackers", {}).items():
        while len(parts[name]) < size:
            parts[name].increment()
    if is_first_rank:  # the counts of all ranks together
        metrics, all_counts = dict(metrics_of(module)), saved.get("metrics", {})
        for name in all_counts:  # all of them first: one made of others, as `1 - accuracy`, resets those too
            metrics[name].reset()
        for name, counts in all_counts.items():
            _count_on(metrics[name], counts)
    weights = dict(module.named_parameters())
    if "frozen" in saved:
        for name, weight in weights.items():
            weight.requires_grad_(name not in saved["frozen"])
    for name, gradient in saved.get("gradients", {}).items():
        weights[name].grad = shared_like(weights[name], gradient)
    if "in_eval_mode" in saved:
        in_eval_mode = set(saved["in_eval_mode"])
        for name, part in module.named_modules():
            part.training = name not in in_eval_mode if name else part.training


def _copied(value: Tensor | list[Tensor]) -> Tensor | list[Tensor]:
    return [item.clone() for item in value] if isinstance(value, list) else value.clone()


def _count_on(metric: Metric, counts: Saved) -> None:
    metric._update_count = counts["updates"]
    for name, value in counts["state"].items():
        on_device = [item.to(metric.device) for item in value] if isinstance(value, list) else value.to(metric.device)
        setattr(metric, name, on_device)
