"""What several labels of a row, each of them true or not, are measured by."""

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from src.evaluation.binary import area


class Labels(Metric):
    """F1 and area under the ROC curve of each label and their means (macro), and the share of rows that are all right.

    It keeps the probabilities of a split, for the areas. A label of which a split has no row, or no other, has no area.
    Weights of rows count in the share, as they do in an accuracy.
    """

    task = "multilabel"
    full_state_update = False
    higher_is_better = True
    unweighted = ("f1", "auroc")
    probabilities: list[Tensor]
    targets: list[Tensor]
    weights: list[Tensor]

    def __init__(self, targets: tuple[str, ...]) -> None:
        super().__init__()
        self.labels = targets
        self.names = ["exact", "f1", "auroc", *(f"{name}_{label}" for name in ("f1", "auroc") for label in targets)]
        self.add_state("probabilities", [], dist_reduce_fx="cat")
        self.add_state("targets", [], dist_reduce_fx="cat")
        self.add_state("weights", [], dist_reduce_fx="cat")

    def update(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> None:
        """Keep the probabilities of logits (B, K), the labels (B, K), 0 or 1, and the weights (B,) of rows."""
        self.probabilities.append(logits.float().sigmoid())
        self.targets.append(targets > 0)
        if weights is not None:
            self.weights.append(weights.float())

    def compute(self) -> dict[str, Tensor]:
        """Return each value by its name."""
        p, true = dim_zero_cat(self.probabilities), dim_zero_cat(self.targets)
        said = p >= 0.5
        hits, counts = (said & true).sum(dim=0), (said.sum(dim=0) + true.sum(dim=0))
        f1 = 2 * hits / counts.clamp_min(1)
        auroc = torch.stack([area(p[:, place], true[:, place].long()) for place in range(len(self.labels))])
        right = (said == true).all(dim=1).float()
        weights = dim_zero_cat(self.weights) if len(self.weights) else torch.ones_like(right)
        exact = (right * weights).sum() / weights.sum()
        return dict(zip(self.names, [exact, f1.mean(), auroc.nanmean(), *f1, *auroc], strict=True))
