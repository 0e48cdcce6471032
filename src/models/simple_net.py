"""A multilayer perceptron: the first thing to try on rows, and fast on small images."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import Tensor, nn

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh}


class SimpleNet(nn.Module):
    """Hidden layers of the given sizes, each with an activation and dropout, then a linear output."""

    def __init__(
        self,
        input_shape: tuple[int, ...],
        outputs: int,
        hidden_sizes: Sequence[int] = (128, 64),
        dropout: float = 0.0,
        activation: str = "relu",
        batch_norm: bool = False,
    ) -> None:
        """`hidden_sizes` may be empty: the network is then linear. Raises `ValueError` for a value out of its range."""
        super().__init__()
        if not all(size > 0 for size in hidden_sizes):
            raise ValueError(f"hidden_sizes: expected a list of whole numbers above 0, as [128,64], got {hidden_sizes}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout: expected a number from 0 to below 1, got {dropout}")
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation: expected one of {', '.join(ACTIVATIONS)}, got '{activation}'")
        sizes = [prod(input_shape), *hidden_sizes]
        layers: list[nn.Module] = [nn.Flatten()]
        for width_in, width_out in pairwise(sizes):
            layers.append(nn.Linear(width_in, width_out))
            if batch_norm:
                layers.append(nn.BatchNorm1d(width_out))
            layers.append(ACTIVATIONS[activation]())
            if dropout > 0:
                layers.append(nn.Dropout(dropout))
        layers.append(nn.Linear(sizes[-1], outputs))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map rows (B, *input_shape) to logits or predictions (B, outputs)."""
        outputs: Tensor = self.layers(x)
        return outputs
