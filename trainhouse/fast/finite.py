"""Looks for numbers that are not finite, in one pass over all tensors: torch's gradient scaler has the kernel."""

from collections.abc import Sequence

import torch
from torch import Tensor


def add_non_finite(tensors: Sequence[Tensor], found: Tensor, scale: Tensor) -> None:
    """Set `found` () to 1 if any number is not finite; `scale` () is one, so that the tensors stay what they are."""
    for dtype in {tensor.dtype for tensor in tensors}:
        alike = [tensor for tensor in tensors if tensor.dtype == dtype]
        torch._amp_foreach_non_finite_check_and_unscale_(alike, found, scale)
