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
from trainhouse.resuming.seeding import random_states_kept


def fed(metric: Metric, key: str, spec: DataSpec, mode: str | None = None) -> Metric:
    """Return the metric, behind what prepares its inputs if it is one of torchmetrics; others get what a step has.

    `mode` says which end is better where the metric does not. It is tried on made-up rows, so that one that can't
    measure this data is refused now: raises `UserError` naming `key`.
    """
    if others := [one for one in metric.modules() if type(one).__module__ == "torchmetrics.aggregation"]:
        raise UserError(
            f"{key}: {type(others[0]).__name__} sums up numbers of one kind, and a metric here compares predictions "
            "with targets; choose one of torchmetrics.classification or torchmetrics.regression"
        )
    if not type(metric).__module__.startswith("torchmetrics."):
        if mode:
            raise UserError(
                f"{key}.mode: is for metrics of torchmetrics; {type(metric).__name__}.higher_is_better says it"
            )
        return metric
    prepared = _PREPARED[spec.task](metric, key, mode)
    prepared.names = _names(prepared, spec)
    return prepared


class _Prepared(WrapperMetric):
    """A metric whose inputs are prepared; of several values each gets its name."""

    full_state_update = False

    def __init__(self, metric: Metric, key: str, mode: str | None) -> None:
        super().__init__()
        self.metric, self.key, self.mode = metric, key, mode
        self.names = [key.rpartition(".")[2]]
        # A wrapper, as of torchmetrics.wrappers, hands on what it gets.
        self.is_binary = any(type(one).__name__.startswith("Binary") for one in metric.modules())

    @property
    def higher_is_better(self) -> bool | None:  # type: ignore[override]
        """Which end is better: as is said in conf/, or else by the metric itself."""
        return self.metric.higher_is_better if self.mode is None else self.mode == "max"

    def prepared(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the metric compares."""
        raise NotImplementedError

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Add a batch. Raises `UserError` naming the key for one that the metric is not defined on."""
        try:
            self.metric.update(*self.prepared(outputs, targets))
        except (torch.OutOfMemoryError, torch.AcceleratorError):  # a GPU's errors come late, in whatever is called next
            raise
        except (ValueError, TypeError, RuntimeError) as error:
            raise self.refusal(error) from error

    def compute(self) -> Tensor | dict[str, Tensor]:
        """Return the value, or one for each name."""
        value: Tensor | dict[str, Tensor] = self.metric.compute()
        if len(self.names) == 1 and isinstance(value, Tensor):
            return value.reshape(())
        each = [one.reshape(()) for one in value.values()] if isinstance(value, dict) else value.reshape(-1)
        return dict(zip(self.names, each, strict=True))

    def refusal(self, error: Exception) -> UserError:
        """Return what is said of data that the metric refuses."""
        return UserError(f"{self.key}: {type(self.metric).__name__} can't measure this data: {first_line(error)}")

    def reset(self) -> None:
        """Forget what was counted."""
        super().reset()
        self.metric.reset()


class OfClasses(_Prepared):
    """Of logits (B, C) and classes (B,): gets probabilities (B, C), or those (B,) of the second of two classes."""

    def prepared(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return probabilities and classes."""
        probabilities = outputs.float().softmax(dim=1)
        return probabilities[:, 1] if self.is_binary else probabilities, targets


class OfTargets(_Prepared):
    """Of predictions and targets (B, T): gets (B,) if there is one target."""

    def prepared(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return both in one precision."""
        if targets.shape[1] == 1:
            outputs, targets = outputs[:, 0], targets[:, 0]
        return outputs, targets.to(outputs.dtype)


class OfLabels(_Prepared):
    """Of logits and labels (B, K), 0 or 1: gets probabilities."""

    def prepared(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return probabilities and whole numbers."""
        return outputs.float().sigmoid(), (targets > 0).long()


_PREPARED: dict[str, type[_Prepared]] = {
    "classification": OfClasses,
    "regression": OfTargets,
    "multilabel": OfLabels,
}


def _names(metric: _Prepared, spec: DataSpec) -> list[str]:
    """Return a name for each value that the metric computes: its own, or one for each class, target or part."""
    trial = copy.deepcopy(metric)
    with warnings.catch_warnings(), random_states_kept([]):
        warnings.simplefilter("ignore")  # of so few rows some are undefined
        try:
            trial.metric.update(*trial.prepared(*_rows(spec)))
            value: Any = trial.metric.compute()
        except Exception as error:  # whatever a metric may raise
            raise metric.refusal(error) from error
    name, *_ = metric.names
    if (
        isinstance(value, dict)
        and value
        and all(isinstance(one, Tensor) and one.numel() == 1 for one in value.values())
    ):
        return [f"{name}_{part}" for part in value]
    each = spec.classes if spec.task == "classification" else spec.targets
    size = value.numel() if isinstance(value, Tensor) else 0
    if size == 1:
        return [name]
    if size and size == len(each):
        return [f"{name}_{one}" for one in each]
    shape = tuple(value.shape) if isinstance(value, Tensor) else f"a {type(value).__name__}"
    raise UserError(
        f"{metric.key}: {type(metric.metric).__name__} computes {shape}; expected one number, or one for each class or "
        "target, or a mapping of names to numbers"
    )


def _rows(spec: DataSpec) -> tuple[Tensor, Tensor]:
    count = 5 if spec.outputs == 4 else 4  # so that one value for each row is none for each class
    if spec.task == "classification":
        targets = torch.arange(count) % spec.outputs
        logits = torch.zeros(count, spec.outputs)
        logits[torch.arange(count), targets] = 1
        return logits, targets
    if spec.task == "multilabel":
        labels = (torch.arange(count) % 2.0)[:, None].expand(count, spec.outputs).contiguous()
        return labels, labels
    targets = torch.arange(1.0, count + 1)[:, None].expand(count, spec.outputs).contiguous()
    return targets * 1.1, targets
