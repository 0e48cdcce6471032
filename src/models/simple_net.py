"""A multilayer perceptron: the first thing to try on rows, and fast on small images."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Annotated, Literal

from annotated_types import Ge, Interval
from torch import Tensor, nn

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh}


class SimpleNet(nn.Module):
    """Hidden layers of the given sizes, each with an activation and dropout, then a linear output."""

    def __init__(
        self,
        input_shape: tuple[int, ...],
        outputs: int,
        hidden_sizes: Sequence[Annotated[int, Ge(1)]] = (128, 64),
        dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
        activation: Literal["relu", "gelu", "silu", "tanh"] = "relu",
        batch_norm: bool = False,
    ) -> None:
        """`hidden_sizes` may be empty: the network is then linear."""
        super().__init__()
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
