"""A network and nothing else: torch only."""

import math
from collections.abc import Sequence

from torch import Tensor, nn


class PlainNet(nn.Module):
    """Rows [B, *input_shape] to [B, outputs]."""

    def __init__(self, input_shape: Sequence[int], outputs: int, width: int = 16):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(math.prod(input_shape), width),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Linear(width, outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)
