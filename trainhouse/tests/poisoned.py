"""A network that turns bad, and what a run of it leaves."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

LIMIT = 3.0  # in standard deviations, which no row of `tiny_data` reaches by itself


class Poisoned(nn.Module):
    """Once it has trained on `after` batches, rows with x[:, 0] > `limit` give what `kind` says."""

    def __init__(
        self,
        input_shape: Sequence[int],
        outputs: int,
        kind: str = "undefined",
        after: int = 0,
        limit: float = LIMIT,
        dropout: float = 0.0,
        **of_simple_net: object,
    ) -> None:
        super().__init__()
        self.first = nn.Linear(input_shape[0], 16)
        self.wide = nn.Linear(16, 500)
        self.drop = nn.Dropout(dropout)
        self.last = nn.Linear(500, outputs)
        self.kind, self.after, self.limit, self.trained_on = kind, after, limit, 0
        self.is_bad = False
        self.wide.weight.register_hook(self._of_wide)

    def _of_wide(self, gradient: Tensor) -> Tensor:
        if self.kind == "one element" and self.is_bad:
            gradient = gradient.clone()
            gradient[3, 5] = torch.nan
        return gradient

    def forward(self, x: Tensor) -> Tensor:
        bad = (x[:, 0] > self.limit) & (self.training and self.trained_on >= self.after)
        self.is_bad = bool(bad.any())
        if self.training and torch.is_grad_enabled():
            self.trained_on += 1
        hidden = self.drop(self.wide(self.first(x)))
        if self.kind == "gradient":  # sqrt(0): the value is 0, the slope 1/0
            hidden = hidden + torch.where(bad[:, None], hidden - hidden.detach(), 0).square().sqrt()
        outputs = self.last(hidden)
        value = {"undefined": torch.nan, "inf": torch.inf, "huge": 1e30}.get(self.kind)
        return outputs if value is None else torch.where(bad[:, None], value, outputs)


def saved_batch(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "bad_batch.npz") as saved:
        return {name: saved[name] for name in saved.files}
