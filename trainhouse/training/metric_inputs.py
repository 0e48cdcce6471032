"""Gives metrics of torchmetrics what they are defined on: probabilities, or targets in a shape of their own."""

import copy
import warnings
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.wrappers.abstract import WrapperMetric

from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.errors import UserError, first_line


def fed(metric: Metric, key: str, spec: DataSpec, mode: str | None = None) -> Metric:
    """Return the metric, behind what prepares its inputs if it is one of torchmetrics; others get what a step has.

    `mode` says which end is better where the metric does not. It is tried on made-up rows, so that one that can't
    measure this data is refused now: raises `UserError` naming `key`.
    """
    if not type(metric).__module__.startswith("torchmetrics."):
        if mode:
            raise UserError(
                f"{key}.mode: is for metrics of torchmetrics; {type(metric).__name__}.higher_is_better says it"
            )
        return metric
    name = key.rpartition(".")[2]
    prepared = _PREPARED[spec.task](metric, name, mode)
    prepared.names = _names(prepared, key, spec)
    return prepared


class _Prepared(WrapperMetric):
    """A metric whose inputs are prepared; a value for each class or target gets its name."""

    full_state_update = False

    def __init__(self, metric: Metric, name: str, mode: str | None) -> None:
        super().__init__()
        self.metric, self.mode = metric, mode
        self.names = [name]

    @property
    def higher_is_better(self) -> bool | None:  # type: ignore[override]
        """Which end is better: as is said in conf/, or else by the metric itself."""
        return self.metric.higher_is_better if self.mode is None else self.mode == "max"

    def compute(self) -> Tensor | dict[str, Tensor]:
        """Return the value, or one for each name."""
        value: Tensor = self.metric.compute()
        if len(self.names) == 1:
            return value.reshape(())
        return dict(zip(self.names, value.reshape(-1), strict=True))

    def reset(self) -> None:
        """Forget what was counted."""
        super().reset()
        self.metric.reset()


class OfClasses(_Prepared):
    """Of logits (B, C) and classes (B,): gets probabilities (B, C), or those (B,) of the second of two classes."""

    def update(self, logits: Tensor, targets: Tensor) -> None:
        """Add a batch."""
        probabilities = logits.float().softmax(dim=1)
        is_binary = type(self.metric).__name__.startswith("Binary")
        self.metric.update(probabilities[:, 1] if is_binary else probabilities, targets)


class OfTargets(_Prepared):
    """Of predictions and targets (B, T): gets (B,) if there is one target."""

    def update(self, predictions: Tensor, targets: Tensor) -> None:
        """Add a batch."""
        if targets.shape[1] == 1:
            predictions, targets = predictions[:, 0], targets[:, 0]
        self.metric.update(predictions, targets.to(predictions.dtype))


class OfLabels(_Prepared):
    """Of logits and labels (B, K), 0 or 1: gets probabilities."""

    def update(self, logits: Tensor, targets: Tensor) -> None:
        """Add a batch."""
        self.metric.update(logits.float().sigmoid(), (targets > 0).long())


_PREPARED: dict[str, type[_Prepared]] = {
    "classification": OfClasses,
    "regression": OfTargets,
    "multilabel": OfLabels,
}


def _names(metric: _Prepared, key: str, spec: DataSpec) -> list[str]:
    """Return a name for each value that the metric computes: its own, or one for each class or target."""
    trial = copy.deepcopy(metric)
    value: Any = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of so few rows some are undefined
        try:
            trial.update(*_rows(spec))
            value = trial.metric.compute()
        except Exception as error:  # whatever a metric may raise
            raise UserError(
                f"{key}: {type(metric.metric).__name__} can't measure this data: {first_line(error)}"
            ) from error
    each = spec.classes if spec.task == "classification" else spec.targets
    size = value.numel() if isinstance(value, Tensor) else 0
    name = metric.names[0]
    if size == 1:
        return [name]
    if size and size == len(each):
        return [f"{name}_{one}" for one in each]
    shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
    raise UserError(
        f"{key}: {type(metric.metric).__name__} computes {shape}; expected one number, or one for each class or target"
    )


def _rows(spec: DataSpec) -> tuple[Tensor, Tensor]:
    count = 4
    if spec.task == "classification":
        targets = torch.arange(count) % spec.outputs
        logits = torch.zeros(count, spec.outputs)
        logits[torch.arange(count), targets] = 1
        return logits, targets
    if spec.task == "multilabel":
        labels = torch.tensor([0.0, 1.0, 0.0, 1.0])[:, None].expand(count, spec.outputs).contiguous()
        return labels, labels
    targets = torch.arange(1.0, count + 1)[:, None].expand(count, spec.outputs).contiguous()
    return targets * 1.1, targets
