"""The metrics of each task. To add one, write one function here: it gets the data's spec and returns a metric.

The function's name is the metric's: ``acc`` is logged as ``train/acc``, ``val/acc`` and ``test/acc``. A metric that
computes a mapping of names to values has a list of them, `names`.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection
from torchmetrics.classification import MulticlassF1Score

from trainhouse import DataSpec

Factory = Callable[[DataSpec], Metric]
# Apple's GPUs have no float64.
WIDEST = torch.float32 if torch.backends.mps.is_available() else torch.float64
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


class Errors(Metric):
    """What differences between predictions (B, T) and targets (B, T) come to, in float64, for each target by itself.

    Of several targets each has its own value under its own name, ``mae_height`` and ``mae_weight``: there is no sum of
    centimetres and kilograms. torchmetrics' metrics add in float32, and to one value.
    """

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

    def update(self, predictions: Tensor, targets: Tensor) -> None:
        """Add a batch."""
        self.rows += len(targets)
        self.total += self.size_of((predictions - targets).to(WIDEST)).sum(dim=0)

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

    full_state_update = False
    higher_is_better = True
    seen: Tensor

    def __init__(self, name: str, targets: tuple[str, ...]) -> None:
        super().__init__()
        self.names = [name] if len(targets) == 1 else [name, *(f"{name}_{target}" for target in targets)]
        # Of each target the rows, their mean, the squared deviations from it, and the squared errors.
        self.add_state("seen", torch.zeros(4, len(targets), dtype=WIDEST), dist_reduce_fx=_merged)

    def update(self, predictions: Tensor, targets: Tensor) -> None:
        """Add a batch of predictions (B, T) and targets (B, T)."""
        true = targets.to(WIDEST)
        mean = true.mean(dim=0)
        squares = (true - mean).square().sum(dim=0)
        errors = (predictions - targets).to(WIDEST).square().sum(dim=0)
        batch = torch.stack([torch.full_like(mean, len(true)), mean, squares, errors])
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
    """Root of the mean squared error, in the target's own unit; of several targets, one for each."""
    return RootOfSquaredErrors("rmse", spec.targets)


@metric("regression")
def mae(spec: DataSpec) -> Metric:
    """Mean absolute error, in the target's own unit; of several targets, one for each."""
    return AbsoluteErrors("mae", spec.targets)


@metric("regression")
def r2(spec: DataSpec) -> Metric:
    """Share of the variance explained, of each target and in the mean. 1 is perfect, 0 is as good as the mean."""
    return R2("r2", spec.targets)


def build_metrics(spec: DataSpec, split: str) -> MetricCollection:
    """Return the metrics of a split, all fed with (outputs, targets) of one batch at a time."""
    chosen: dict[str, Metric | MetricCollection] = {
        factory.__name__: factory(spec) for factory, splits in _REGISTRY[spec.task] if split in splits
    }
    return MetricCollection(chosen, prefix=f"{split}/")


def names_of(metric: Metric, name: str, split: str) -> list[str]:
    """Return the names under which a metric of `build_metrics` is logged, there known as `name`."""
    names = getattr(metric, "names", None)
    return [f"{split}/{each}" for each in names] if names else [name]
