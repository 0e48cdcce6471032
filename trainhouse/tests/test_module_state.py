"""What metric objects have counted comes back in a module that was just made."""

from typing import Any

import lightning as L
import pytest
import torch
from torchmetrics import MeanMetric, MetricTracker, MinMaxMetric
from torchmetrics.classification import MulticlassAccuracy
from torchmetrics.wrappers import ClasswiseWrapper, Running

from trainhouse.resuming.attributes import PlainAttributes
from trainhouse.resuming.module_state import counting, counts_of, metrics_of, restore_state, tracked_by

PREDICTED, TRUE = torch.tensor([0, 1, 2, 2]), torch.tensor([0, 1, 1, 2])


class Measured(L.LightningModule):
    """Has a metric, then one that is made of it, and one of its own."""

    def __init__(self, made_of: Any) -> None:
        super().__init__()
        self.acc = MulticlassAccuracy(3, average=None if made_of is ClasswiseWrapper else "micro")
        self.made = made_of(self.acc)
        self.loss = MeanMetric()

    def values(self) -> dict[str, Any]:
        return {"acc": self.acc.compute().tolist(), "made": repr(self.made.compute()), "loss": self.loss.compute()}


@pytest.mark.parametrize("made_of", [lambda base: 1 - base, ClasswiseWrapper], ids=["composed", "by class"])
def test_a_metric_keeps_its_counts_beside_one_that_is_made_of_it(made_of: Any) -> None:
    whole, resumed = Measured(made_of), Measured(made_of)
    whole.made.update(PREDICTED, TRUE)
    whole.acc.update(PREDICTED, PREDICTED)
    whole.loss.update(0.5)
    assert counting(whole) == ["acc", "made", "loss"]
    restore_state(resumed, {"metrics": {name: counts_of(metric, 1) for name, metric in metrics_of(whole)}}, True)
    for module in (whole, resumed):
        module.made.update(TRUE, TRUE)
    assert resumed.values() == whole.values()
    assert resumed.acc.update_count == whole.acc.update_count == 3


def test_counts_of_all_ranks_are_put_back_on_the_first_alone() -> None:
    whole, other = MeanMetric(), Measured(lambda base: 1 - base)
    whole.update(0.5)
    restore_state(other, {"metrics": {"loss": counts_of(whole, 1)}}, is_first_rank=False)
    assert counting(other) == []


class Tracking(L.LightningModule):
    """Has metrics that keep values of earlier epochs."""

    def __init__(self) -> None:
        super().__init__()
        self.tracker, self.extremes = MetricTracker(MulticlassAccuracy(3)), MinMaxMetric(MulticlassAccuracy(3))


def test_metrics_keep_what_they_have_of_earlier_epochs() -> None:
    whole, resumed = Tracking(), Tracking()
    attributes, restored = PlainAttributes(whole), PlainAttributes(resumed)
    for predicted in (PREDICTED, TRUE):
        whole.tracker.increment()
        whole.tracker.update(predicted, TRUE)
        whole.extremes.reset()
        whole.extremes.update(predicted, TRUE)
        whole.extremes.compute()
    counts = {name: counts_of(metric, 1) for name, metric in metrics_of(whole) if metric.update_called}
    restore_state(resumed, {"metrics": counts, "trackers": tracked_by(whole)}, True)
    restored.restore(attributes.changed())
    assert resumed.tracker.compute_all().tolist() == whole.tracker.compute_all().tolist()
    assert resumed.extremes.compute()["min"] == whole.extremes.compute()["min"] < 1


class InAWindow(L.LightningModule):
    """Has a metric of the last two batches, which wraps another one."""

    def __init__(self) -> None:
        super().__init__()
        self.running = Running(MulticlassAccuracy(3, average="micro"), window=2)


def test_a_running_metric_keeps_its_window() -> None:
    whole, resumed = InAWindow(), InAWindow()
    attributes, restored = PlainAttributes(whole), PlainAttributes(resumed)
    for predicted in (TRUE, PREDICTED, TRUE):
        whole.running.update(predicted, TRUE)
    metrics = dict(metrics_of(whole))
    restore_state(resumed, {"metrics": {name: counts_of(metrics[name], 1) for name in counting(whole)}}, True)
    restored.restore(attributes.changed())
    for module in (whole, resumed):
        module.running.update(PREDICTED, TRUE)
    assert resumed.running.compute() == whole.running.compute() == 7 / 8
