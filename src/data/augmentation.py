"""Random changes to training rows that leave their class as it is. They run on the device, a batch at a time.

All randomness comes from torch's generator, which is seeded for every step: an epoch that is resumed in
its middle sees the same changes.
"""

import math
from typing import Annotated

import torch
from annotated_types import Ge, Interval, doc
from torch import Tensor, nn


class Augmentation(nn.Module):
    """Moves, turns and scales images, and adds noise to rows of any kind. Does nothing outside training."""

    def __init__(
        self,
        shift: Annotated[float, Ge(0), doc("pixels from 0 up")] = 0.0,
        rotate: Annotated[float, Interval(ge=0, le=180), doc("degrees from 0 to 180")] = 0.0,
        scale: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
        noise: Annotated[float, Ge(0)] = 0.0,
    ) -> None:
        """Each amount is the bound of a uniform draw for each image, but for noise.

        Args:
            shift: pixels, in either direction.
            rotate: degrees, either way round.
            scale: fraction by which an image may be smaller or larger.
            noise: standard deviation of normal noise, in units of the standardised values.
        """
        super().__init__()
        self.shift, self.rotate, self.scale, self.noise = shift, rotate, scale, noise

    def forward(self, x: Tensor) -> Tensor:
        """Map standardised rows (B, ...) to changed rows of the same shape; images are (B, C, H, W) or (B, H, W)."""
        if not self.training:
            return x
        if x.ndim > 2 and (self.shift or self.rotate or self.scale):
            x = self._warp(x)
        if self.noise:
            x = x + self.noise * torch.randn_like(x)
        return x

    def _warp(self, x: Tensor) -> Tensor:
        images = x if x.ndim == 4 else x.unsqueeze(1)
        height, width = images.shape[-2:]
        draw = torch.rand(4, len(images), device=x.device, dtype=x.dtype) * 2 - 1
        angle = draw[0] * math.radians(self.rotate)
        zoom = 1 + draw[1] * self.scale
        cos, sin = angle.cos() / zoom, angle.sin() / zoom
        # Output positions are mapped to input positions, in coordinates that run from -1 to 1.
        move_x, move_y = draw[2] * 2 * self.shift / width, draw[3] * 2 * self.shift / height
        # One unit of them is half the width or half the height: a turn of an oblong image has to convert.
        rows = [cos, -sin * height / width, move_x, sin * width / height, cos, move_y]
        theta = torch.stack(rows, dim=1).view(-1, 2, 3)
        grid = nn.functional.affine_grid(theta, list(images.shape), align_corners=False)
        return nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=False).view_as(x)
