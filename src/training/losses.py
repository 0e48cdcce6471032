"""Losses of array data. To add one, write a function or an `nn.Module` here, and its file in conf/loss/.

A function takes the outputs and the targets of a batch, and the keys of its file; a module takes the keys in its
constructor, and outputs and targets when it is called. Both return the mean over the batch's rows; with `weights` (B,),
which data with weights of its rows gives, that of weight times loss. `for_task` says which task one is for. A
constructor may ask for facts of the data by name: ``outputs``, ``classes`` (their names) and ``class_counts`` (the rows
of each class in training, or the sum of their weights).

Outputs are logits (B, C) of classes (B,), or predictions (B, T) of targets (B, T) standardised by the training split's
mean and deviation.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Literal, TypeVar

import torch
from annotated_types import Ge, Gt, Interval
from torch import Tensor, nn
from torch.nn import functional as F

from trainhouse import TaskName

Loss = Callable[..., Tensor]
Amount = Annotated[float, Ge(0)]
ClassWeight = Literal["balanced"] | list[Amount] | dict[str, Amount] | None
_Marked = TypeVar("_Marked", bound=Callable[..., object])


def for_task(task: TaskName) -> Callable[[_Marked], _Marked]:
    """Mark a loss as one of a task: with other data it is refused."""

    def mark(loss: _Marked) -> _Marked:
        loss.task = task  # type: ignore[attr-defined]
        return loss

    return mark


@for_task("classification")
class CrossEntropy(nn.Module):
    """Cross-entropy. With weights the mean is still over rows, so that it doesn't depend on how they are batched."""

    weight: Tensor | None

    def __init__(
        self,
        outputs: int,
        classes: Sequence[str] = (),
        class_counts: Sequence[int] | None = None,
        label_smoothing: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
        class_weight: ClassWeight = None,
    ) -> None:
        """`class_weight` has one for each class; ``balanced`` is N / (C * rows of the class)."""
        super().__init__()
        self.label_smoothing = label_smoothing
        weight = _class_weights(class_weight, outputs, classes, class_counts)
        self.register_buffer("weight", weight)  # saved with the network: evaluation has no training rows

    def forward(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean over rows of logits (B, C) and classes (B,)."""
        if self.weight is None and weights is None:
            return F.cross_entropy(logits, targets, label_smoothing=self.label_smoothing)
        weight = None if self.weight is None else self.weight.to(logits.dtype)
        each = F.cross_entropy(logits, targets, weight, label_smoothing=self.label_smoothing, reduction="none")
        return _mean(each, weights)


@for_task("classification")
class Focal(nn.Module):
    """Cross-entropy times (1 - p)^gamma, where p is the probability of the true class: Lin et al., 2017, equation 5."""

    weight: Tensor | None

    def __init__(
        self,
        outputs: int,
        classes: Sequence[str] = (),
        class_counts: Sequence[int] | None = None,
        gamma: Amount = 2.0,
        class_weight: ClassWeight = None,
    ) -> None:
        super().__init__()
        self.gamma = gamma
        self.register_buffer("weight", _class_weights(class_weight, outputs, classes, class_counts))

    def forward(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean over rows of logits (B, C) and classes (B,)."""
        log_p = logits.log_softmax(dim=1).gather(1, targets[:, None])[:, 0]
        each = -log_p * (-torch.expm1(log_p)).pow(self.gamma)
        return _mean(each if self.weight is None else each * self.weight.to(each.dtype)[targets], weights)


@for_task("classification")
class BinaryCrossEntropy(nn.Module):
    """Cross-entropy of two classes with a weight for positive rows, which are those of the second class."""

    pos_weight: Tensor

    def __init__(
        self,
        outputs: int,
        class_counts: Sequence[int] | None = None,
        pos_weight: Annotated[float, Gt(0)] | Literal["balanced"] = 1.0,
    ) -> None:
        """``balanced`` is negative rows / positive rows of the training split."""
        super().__init__()
        if outputs != 2:
            raise ValueError(f"is for two classes, but there are {outputs}; loss=cross_entropy is for any number")
        if pos_weight == "balanced":
            negative, positive = _known_counts(class_counts, "pos_weight")
            pos_weight = negative / positive
        self.register_buffer("pos_weight", torch.tensor(float(pos_weight)))

    def forward(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean over rows of logits (B, 2), whose softmax is the sigmoid of their difference."""
        logit = logits[:, 1] - logits[:, 0]
        pos_weight = self.pos_weight.to(logit.dtype)
        each = None if weights is None else weights.to(logit.dtype)
        return F.binary_cross_entropy_with_logits(logit, targets.to(logit.dtype), each, pos_weight=pos_weight)


@for_task("regression")
def mse(outputs: Tensor, targets: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Return the mean squared error."""
    return _weighted(F.mse_loss, outputs, targets, weights)


@for_task("regression")
def mae(outputs: Tensor, targets: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Return the mean absolute error."""
    return _weighted(F.l1_loss, outputs, targets, weights)


@for_task("regression")
def huber(
    outputs: Tensor, targets: Tensor, delta: Annotated[float, Gt(0)] = 1.0, *, weights: Tensor | None = None
) -> Tensor:
    """Return half the square of errors up to `delta`, and a line beyond: Huber, 1964."""
    return _weighted(partial(F.huber_loss, delta=delta), outputs, targets, weights)


@for_task("regression")
def quantile(
    outputs: Tensor,
    targets: Tensor,
    q: Annotated[float, Interval(gt=0, lt=1)] = 0.5,
    *,
    weights: Tensor | None = None,
) -> Tensor:
    """Return the pinball loss, least where the share `q` of targets lies below: Koenker & Bassett, 1978."""
    errors = targets - outputs
    return _mean(torch.maximum(q * errors, (q - 1) * errors), weights)


@for_task("multilabel")
def label_cross_entropy(logits: Tensor, targets: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Return the mean binary cross-entropy over rows and labels of logits (B, K) and labels (B, K), 0 or 1."""
    return _weighted(F.binary_cross_entropy_with_logits, logits, targets.to(logits.dtype), weights)


class Auto(nn.Module):
    """Cross-entropy for classes, binary cross-entropy for several labels, the mean squared error for targets."""

    def __init__(
        self,
        task: TaskName,
        outputs: int,
        classes: Sequence[str] = (),
        class_counts: Sequence[int] | None = None,
        label_smoothing: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
        class_weight: ClassWeight = None,
    ) -> None:
        super().__init__()
        if task != "classification" and (label_smoothing or class_weight is not None):
            key, nothing = ("label_smoothing", "0") if label_smoothing else ("class_weight", "null")
            raise ValueError(f"{key}: is for classes; set it to {nothing} for {task}")
        self.loss: Loss = label_cross_entropy if task == "multilabel" else mse
        if task == "classification":
            self.loss = CrossEntropy(outputs, classes, class_counts, label_smoothing, class_weight)

    def forward(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean over a batch."""
        return self.loss(outputs, targets) if weights is None else self.loss(outputs, targets, weights=weights)


def _mean(each: Tensor, weights: Tensor | None) -> Tensor:
    """Return the mean of losses (B,) or (B, T), each times the weight of its row: over rows, not over their weights."""
    if weights is None:
        return each.mean()
    return (each.flatten(1).mean(dim=1) if each.ndim > 1 else each).mul(weights.to(each.dtype)).mean()


def _weighted(loss: Callable[..., Tensor], outputs: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    if weights is None:
        return loss(outputs, targets)
    return _mean(loss(outputs, targets, reduction="none"), weights)


def _class_weights(
    given: ClassWeight, outputs: int, classes: Sequence[str], counts: Sequence[int] | None
) -> Tensor | None:
    """Return one weight for each class (C,), float32; None if all count the same."""
    if given is None:
        return None
    if given == "balanced":
        known = _known_counts(counts, "class_weight", classes)
        return torch.tensor([sum(known) / (outputs * count) for count in known])
    if isinstance(given, Mapping):
        given = {str(name): weight for name, weight in given.items()}  # YAML reads 1 as a number
        if set(given) != set(classes):
            raise ValueError(f"class_weight: needs a number for each of {', '.join(classes)}; got {', '.join(given)}")
        given = [given[name] for name in classes]
    if len(given) != outputs:
        raise ValueError(f"class_weight: expected a number for each of {outputs} classes, got {len(given)}")
    if not any(given):
        raise ValueError("class_weight: expected a number above 0 for at least one class")
    return torch.tensor([float(one) for one in given])


def _known_counts(counts: Sequence[float] | None, key: str, classes: Sequence[str] = ()) -> Sequence[float]:
    if not counts:
        raise ValueError(f"{key}: balanced needs the fact class_counts of the data, the training rows of each class")
    if not all(counts):
        number = [*counts].index(0)
        name = classes[number] if classes else number
        needs = "balanced needs a training row of each class"
        raise ValueError(f"{key}: {needs}; class {name} has none that weighs more than 0")
    return counts
