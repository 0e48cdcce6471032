"""Logistic or linear regression: the baseline that every other model has to beat."""

from math import prod

from torch import Tensor, nn


class Linear(nn.Module):
    """One linear map of the flattened row."""

    def __init__(self, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.output = nn.Linear(prod(input_shape), outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map rows (B, *input_shape) to logits or predictions (B, outputs)."""
        outputs: Tensor = self.output(x.flatten(1))
        return outputs
