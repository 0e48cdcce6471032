"""The metrics of each task. To add one, write one function here: it gets the data's spec and returns a metric.

The function's name is the metric's: ``acc`` is logged as ``train/acc``, ``val/acc`` and ``test/acc``.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torchmetrics import MeanAbsoluteError, MeanSquaredError, Metric, MetricCollection
from torchmetrics.classification import MulticlassF1Score

from trainhouse import DataSpec

Factory = Callable[[DataSpec], Metric]
_REGISTRY: dict[str, list[tuple[Factory, tuple[str, ...]]]] = {"classification": [], "regression": []}


def metric(task: str, splits: Iterable[str] = ("val", "test")) -> Callable[[Factory], Factory]:
    """Register a metric for the data of one task, computed on the named splits."""

    def register(factory: Factory) -> Factory:
        _REGISTRY[task].append((factory, tuple(splits)))
        return factory

    return register


class Accuracy(Metric):
    """The share of rows whose largest logit is that of their class.

    torchmetrics has one too; its update costs twice as much, every training step.
    """

    full_state_update = False
    higher_is_better = True
    correct: Tensor
    total: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("correct", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("total", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, logits: Tensor, targets: Tensor) -> None:
        """Count logits (B, C) against targets (B,)."""
        self.correct.add_((logits.argmax(dim=1) == targets).sum())
        self.total.add_(len(targets))

    def compute(self) -> Tensor:
        """Return a number in [0, 1]."""
        return self.correct / self.total


class R2(Metric):
    """1 - (squared error) / (squared deviation from the mean), averaged over targets; NaN for a single row.

    torchmetrics has one too; its float32 sums cancel for targets far from 0 (10,000 +- 1 gave 1.0004).
    """

    full_state_update = False
    higher_is_better = True
    rows: Tensor
    sums: Tensor
    squares: Tensor
    errors: Tensor

    def __init__(self, targets: int) -> None:
        super().__init__()
        # Apple's GPUs have no float64.
        dtype = torch.float32 if torch.backends.mps.is_available() else torch.float64
        self.add_state("rows", torch.tensor(0), dist_reduce_fx="sum")
        for name in ("sums", "squares", "errors"):
            self.add_state(name, torch.zeros(targets, dtype=dtype), dist_reduce_fx="sum")

    def update(self, predictions: Tensor, targets: Tensor) -> None:
        """Add a batch of predictions (B, T) and targets (B, T)."""
        true = targets.to(self.sums.dtype)
        self.rows += len(true)
        self.sums += true.sum(dim=0)
        self.squares += true.square().sum(dim=0)
        self.errors += (predictions.to(self.sums.dtype) - true).square().sum(dim=0)

    def compute(self) -> Tensor:
        """Return the mean over targets."""
        deviation = self.squares - self.sums.square() / self.rows
        return (1 - self.errors / deviation).mean().float()


@metric("classification", splits=("train", "val", "test"))
def acc(spec: DataSpec) -> Metric:
    """Accuracy: the share of rows that are classified correctly."""
    return Accuracy()


@metric("classification")
def f1(spec: DataSpec) -> Metric:
    """Macro F1: the mean over classes, so that rare classes count as much as common ones."""
    return MulticlassF1Score(spec.outputs, average="macro", validate_args=False)


@metric("regression")
def rmse(spec: DataSpec) -> Metric:
    """Root of the mean squared error, in the targets' own units."""
    return MeanSquaredError(squared=False)


@metric("regression")
def mae(spec: DataSpec) -> Metric:
    """Mean absolute error, in the targets' own units."""
    return MeanAbsoluteError()


@metric("regression")
def r2(spec: DataSpec) -> Metric:
    """Share of the variance explained; the mean over targets. 1 is perfect, 0 is as good as the mean."""
    return R2(spec.outputs)


def build_metrics(spec: DataSpec, split: str) -> MetricCollection:
    """Return the metrics of a split, all fed with (outputs, targets) of one batch at a time."""
    chosen: dict[str, Metric | MetricCollection] = {
        factory.__name__: factory(spec) for factory, splits in _REGISTRY[spec.task] if split in splits
    }
    return MetricCollection(chosen, prefix=f"{split}/")
