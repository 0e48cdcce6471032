"""Metrics of array data. To add one, write a class or a function here, and its file in conf/metrics/.

A class is a torchmetrics `Metric`; a function returns one, or several by their names. Both are built with the keys of
the file and the facts of the data that they ask for by name: ``spec``, ``split``, ``task``, ``outputs``, ``classes``,
``targets``, ``num_classes``, ``num_outputs``, and ``name``, which is the metric's. ``auroc`` is logged as
``val/auroc``; what computes a mapping of names to values has a list of them, `names`.

Metrics of torchmetrics get probabilities (B, C), or of two classes that of the second; those that are written here get
the logits, and predictions in the targets' own units; and, if `update` takes `weights`, those of the rows (B,), where
the data has some; `unweighted` names values that count each row once all the same. Most in conf/metrics/ are
torchmetrics' own.
"""

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.classification import MulticlassF1Score

from src.evaluation.multilabel import Labels
from trainhouse import DataSpec

# Apple's GPUs have no float64.
WIDEST = torch.float32 if torch.backends.mps.is_available() else torch.float64


class Accuracy(Metric):
    """The share of rows whose largest logit is that of their class.

    torchmetrics has one too; its update costs twice as much, every training step.
    """

    task = "classification"
    full_state_update = False
    higher_is_better = True
    correct: Tensor
    total: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("correct", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("total", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> None:
        """Count logits (B, C) against targets (B,)."""
        right = logits.argmax(dim=1) == targets
        if weights is None:
            self.correct.add_(right.sum())
            self.total.add_(len(targets))
        else:
            weights = weights.to(WIDEST)
            self.correct, self.total = self.correct + (right * weights).sum(), self.total + weights.sum()

    def compute(self) -> Tensor:
        """Return a number in [0, 1]."""
        return self.correct / self.total


class Errors(Metric):
    """What differences between predictions (B, T) and targets (B, T) come to, in float64, for each target by itself.

    Of several targets each has its own value under its own name, ``mae_height`` and ``mae_weight``: there is no sum of
    centimetres and kilograms. torchmetrics' metrics add in float32, and to one value.
    """

    task = "regression"
    full_state_update = False
    higher_is_better = False
    rows: Tensor
    total: Tensor

    def __init__(self, name: str, targets: tuple[str, ...]) -> None:
        super().__init__()
        self.names = [name] if len(targets) == 1 else [f"{name}_{target}" for target in targets]
        self.add_state("rows", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("total", torch.zeros(len(targets), dtype=WIDEST), dist_reduce_fx="sum")

    def size_of(self, errors: Tensor) -> Tensor:
        """Map errors (B, T) to what is averaged."""
        raise NotImplementedError

    def update(self, predictions: Tensor, targets: Tensor, weights: Tensor | None = None) -> None:
        """Add a batch."""
        sizes = self.size_of((predictions - targets).to(WIDEST))
        if weights is None:
            self.rows += len(targets)
            self.total += sizes.sum(dim=0)
        else:
            weights = weights.to(WIDEST)
            self.rows = self.rows + weights.sum()
            self.total += (sizes * weights[:, None]).sum(dim=0)

    def named(self, values: Tensor) -> Tensor | dict[str, Tensor]:
        """Name values (T,), unless it is one."""
        return values[0] if len(self.names) == 1 else dict(zip(self.names, values, strict=True))

    def compute(self) -> Tensor | dict[str, Tensor]:
        """Return the mean of each target."""
        return self.named(self.total / self.rows)


class AbsoluteErrors(Errors):
    """Their mean size."""

    def size_of(self, errors: Tensor) -> Tensor:
        """Map errors to their size."""
        return errors.abs()


class RootOfSquaredErrors(Errors):
    """The root of the mean of their squares."""

    def size_of(self, errors: Tensor) -> Tensor:
        """Map errors to their squares."""
        return errors.square()

    def compute(self) -> Tensor | dict[str, Tensor]:
        """Return the root for each target."""
        return self.named((self.total / self.rows).sqrt())


class R2(Metric):
    """1 - (squared error) / (squared deviation from the mean); NaN for a single row.

    Of several targets the mean over them, which has no unit, and that of each. The sums are of differences from a mean
    that is kept up to date: a sum of squares would cancel for targets far from 0 (1.7e9 +- 20 in float64 too).
    """

    task = "regression"
    full_state_update = False
    higher_is_better = True
    seen: Tensor

    def __init__(self, name: str, targets: tuple[str, ...]) -> None:
        super().__init__()
        self.names = [name] if len(targets) == 1 else [name, *(f"{name}_{target}" for target in targets)]
        # Of each target the rows, their mean, the squared deviations from it, and the squared errors.
        self.add_state("seen", torch.zeros(4, len(targets), dtype=WIDEST), dist_reduce_fx=_merged)

    def update(self, predictions: Tensor, targets: Tensor, weights: Tensor | None = None) -> None:
        """Add a batch of predictions (B, T) and targets (B, T)."""
        true, errors = targets.to(WIDEST), (predictions - targets).to(WIDEST).square()
        if weights is None:
            rows, mean = torch.full_like(true[0], len(true)), true.mean(dim=0)
            squares, errors = (true - mean).square().sum(dim=0), errors.sum(dim=0)
        else:
            each = weights.to(WIDEST)[:, None]
            if not (total := each.sum()) > 0:
                return
            rows, mean = torch.full_like(true[0], total.item()), (true * each).sum(dim=0) / total
            squares, errors = ((true - mean).square() * each).sum(dim=0), (errors * each).sum(dim=0)
        batch = torch.stack([rows, mean, squares, errors])
        self.seen = _merged(torch.stack([self.seen, batch]))

    def compute(self) -> Tensor | dict[str, Tensor]:
        """Return the mean over targets, and each one's."""
        _, _, squares, errors = self.seen
        each = 1 - errors / squares
        return each[0] if len(self.names) == 1 else dict(zip(self.names, [each.mean(), *each], strict=True))


def _merged(parts: Tensor) -> Tensor:
    """Put together what `R2` has seen of several sets of rows (S, 4, T): Chan, Golub & LeVeque, 1979."""
    rows, mean, squares, errors = parts.unbind(dim=1)
    total = rows.sum(dim=0)
    first = mean[-1]  # differences from a mean that is not far
    offset = ((mean - first) * rows).sum(dim=0) / total
    squares = squares.sum(dim=0) + ((mean - first - offset).square() * rows).sum(dim=0)
    return torch.stack([total, first + offset, squares, errors.sum(dim=0)])


class MaxError(Metric):
    """The largest size of a difference between predictions (B, T) and targets (B, T), for each target by itself."""

    task = "regression"
    full_state_update = False
    higher_is_better = False
    largest: Tensor

    def __init__(self, name: str, targets: tuple[str, ...]) -> None:
        super().__init__()
        self.names = [name] if len(targets) == 1 else [f"{name}_{target}" for target in targets]
        self.add_state("largest", torch.zeros(len(targets), dtype=WIDEST), dist_reduce_fx="max")

    def update(self, predictions: Tensor, targets: Tensor) -> None:
        """Add a batch."""
        errors = (predictions - targets).to(WIDEST).abs().amax(dim=0)
        self.largest = torch.maximum(self.largest, errors)

    def compute(self) -> Tensor | dict[str, Tensor]:
        """Return the largest of each target."""
        return self.largest[0] if len(self.names) == 1 else dict(zip(self.names, self.largest, strict=True))


def usual(spec: DataSpec, split: str) -> dict[str, Metric]:
    """Return what a task is usually measured by; of training rows only what costs little."""
    if spec.task == "multilabel":
        return {} if split == "train" else {"labels": Labels(spec.targets)}
    if spec.task == "regression":
        if split == "train":
            return {}
        return {
            "rmse": RootOfSquaredErrors("rmse", spec.targets),
            "mae": AbsoluteErrors("mae", spec.targets),
            "r2": R2("r2", spec.targets),
        }
    # Macro: the mean over classes, so that rare classes count as much as common ones.
    f1 = {"f1": MulticlassF1Score(spec.outputs, average="macro", validate_args=False)}
    return {"acc": Accuracy(), **({} if split == "train" else f1)}
