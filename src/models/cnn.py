"""A small convolutional network for images of any size from 4 x 4 up."""

from collections.abc import Sequence
from typing import Annotated

import torch
from annotated_types import Ge, Interval, MinLen
from torch import Tensor, nn


class CNN(nn.Module):
    """Stages of two 3 x 3 convolutions with batch normalisation; each stage but the last halves the image.

    The mean and the maximum over the remaining positions go through dropout to a linear output, so the
    number of weights doesn't depend on the image's size.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        outputs: int,
        channels: Annotated[Sequence[Annotated[int, Ge(1)]], MinLen(1)] = (32, 64),
        dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
    ) -> None:
        """`input_shape` is (C, H, W), or (H, W) for one channel. Raises `ValueError` for any other, or a small one."""
        super().__init__()
        if len(input_shape) not in (2, 3):
            raise ValueError(f"takes images of shape (C, H, W) or (H, W), but one row of this data has {input_shape}")
        if min(input_shape[-2:]) < 2 ** (len(channels) - 1):
            raise ValueError(f"channels: {len(channels)} stages need larger images than {input_shape}")
        width = input_shape[0] if len(input_shape) == 3 else 1
        layers: list[nn.Module] = []
        for stage, size in enumerate(channels):
            layers += [*_convolution(width, size), *_convolution(size, size)]
            if stage < len(channels) - 1:
                layers.append(nn.MaxPool2d(2))
            width = size
        self.features = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(2 * width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (B, *input_shape) to logits or predictions (B, outputs)."""
        if x.ndim == 3:
            x = x.unsqueeze(1)
        features = self.features(x)
        pooled = torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1)
        outputs: Tensor = self.output(self.dropout(pooled))
        return outputs


def _convolution(width_in: int, width_out: int) -> list[nn.Module]:
    # The bias would be undone by the normalisation that follows.
    return [nn.Conv2d(width_in, width_out, 3, padding=1, bias=False), nn.BatchNorm2d(width_out), nn.ReLU()]
