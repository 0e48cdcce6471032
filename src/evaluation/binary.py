"""What two classes are measured by, of which the second is the one that is looked for."""

from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.classification import binary_auroc, binary_average_precision
from torchmetrics.utilities import dim_zero_cat

Probability = Annotated[float, Interval(ge=0, le=1)]


class Binary(Metric):
    """Ranking and decisions of two classes: it keeps the probabilities of a split.

    A row is of the second class from the probability `threshold` on. That is a number, or the one with the best F1 on
    the validation rows: chosen after every validation, and kept in the checkpoint by the module (`Module.threshold`).
    """

    task = "classification"
    full_state_update = False
    higher_is_better = True
    probabilities: list[Tensor]
    targets: list[Tensor]

    def __init__(
        self, outputs: int, classes: tuple[str, ...], split: str, threshold: Probability | Literal["f1"]
    ) -> None:
        """Raises `ValueError` for more than two classes."""
        super().__init__()
        if outputs != 2:
            raise ValueError(f"is for two classes, but there are {outputs}; metrics=[auto,auroc] is for any number")
        self.chooses = threshold == "f1" and split == "val"
        self.threshold = 0.5 if threshold == "f1" else float(threshold)
        self.positive = classes[1]
        self.names = ["auroc", "average_precision", "balanced_acc"]
        self.names += [f"{name}_{self.positive}" for name in ("recall", "precision", "f1")]
        self.add_state("probabilities", [], dist_reduce_fx="cat")
        self.add_state("targets", [], dist_reduce_fx="cat")

    def update(self, logits: Tensor, targets: Tensor) -> None:
        """Keep the probabilities of a batch of logits (B, 2) and classes (B,)."""
        self.probabilities.append(logits.float().softmax(dim=1)[:, 1])
        self.targets.append(targets)

    def compute(self) -> dict[str, Tensor]:
        """Return each value by its name, and the threshold; NaN where a class has no rows."""
        p, y = dim_zero_cat(self.probabilities), dim_zero_cat(self.targets)
        if self.chooses:
            self.threshold = best_by_f1(p, y)
        said, true = p >= self.threshold, y == 1
        hits = (said & true).sum().float()
        recall, of_others = hits / true.sum(), (~said & ~true).sum() / (~true).sum()
        precision = binary_average_precision(p, y) if true.any() else torch.tensor(torch.nan)
        values = [area(p, y), precision, (recall + of_others) / 2]
        values += [recall, hits / said.sum().clamp_min(1), 2 * hits / (said.sum() + true.sum()).clamp_min(1)]
        return {**dict(zip(self.names, values, strict=True)), "threshold": torch.tensor(self.threshold)}


def area(p: Tensor, y: Tensor) -> Tensor:
    """Return the area under the ROC curve of probabilities (N,) and classes (N,), 0 or 1; NaN without rows of both."""
    return binary_auroc(p, y) if 0 < y.sum() < len(y) else torch.tensor(torch.nan, device=p.device)


def best_by_f1(p: Tensor, y: Tensor) -> float:
    """Return the threshold with the best F1 for probabilities (N,) and classes (N,), half way to the next row below it.

    0.5 if there is no row of the second class.
    """
    order = p.argsort(descending=True, stable=True)
    p, hits = p[order].double(), (y[order] == 1).cumsum(0)
    if not len(p) or not hits[-1]:
        return 0.5
    f1 = 2 * hits / (torch.arange(1, len(p) + 1, device=p.device) + hits[-1])
    is_last = torch.cat([p[1:] < p[:-1], torch.ones(1, dtype=torch.bool, device=p.device)])  # of rows that are alike
    best = int(torch.where(is_last, f1, -1.0).argmax())
    below = p[best + 1] if best + 1 < len(p) else torch.zeros((), dtype=p.dtype)
    return float((p[best] + below.to(p.device)) / 2)
