"""In which precision numbers are served and kept: rounded to float32 only after they are standardised.

A number far from 0, such as a date in seconds, loses in float32 all that tells it from its neighbours.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainhouse.arrays.moments import needs_float64
from trainhouse.arrays.spec import Dataset
from trainhouse.arrays.whole_numbers import refuse_too_large_in_rows

HALF = (torch.float16, torch.bfloat16)


def served_dtype(stored: np.dtype, wide: bool) -> np.dtype:
    """Return the dtype in which rows are handed to a model: bytes as they are, all else in float32.

    `wide` rows are in float64 if float32 does not hold all numbers of their dtype.
    """
    if stored == np.uint8:
        return stored
    return np.dtype(np.float64 if wide and not np.can_cast(stored, np.float32) else np.float32)


def as_wide_as_needed(dataset: Dataset) -> Dataset:
    """Return data whose spec says float64 if rounding its rows to float32 would change what is learned.

    Raises `UserError` if rounding them to float64 would change that too.
    """
    spec = dataset.spec
    if spec.dtype == "float32":
        refuse_too_large_in_rows(dataset.rows.x, spec.axis, dataset.name)
    if spec.dtype != "float32" or not needs_float64(dataset.rows.x, spec.axis):
        return dataset
    return replace(dataset, spec=replace(spec, dtype="float64"))


def has_float64(device: torch.device) -> bool:
    """Whether a device calculates in float64: Apple's GPUs don't."""
    return device.type != "mps"


def on_device(values: Tensor, device: torch.device) -> Tensor:
    """Return values on a device, in float32 if it has nothing wider."""
    return (values if has_float64(device) or values.dtype != torch.float64 else values.float()).to(device)


def to_numpy(values: Tensor) -> np.ndarray:
    """Return float32 or float64 on the CPU; what is of half precision, which numpy has not, becomes float32."""
    values = values.detach()
    return (values.float() if values.dtype in HALF else values).cpu().numpy()


class KeepsFloat64(nn.Module):
    """A module whose own buffers in float64 move with it, but are not cast with it, as by ``.half()``.

    Where a device has no float64 they are float32.
    """

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        exact = {name: buffer for name, buffer in self.named_buffers(recurse=False) if buffer.dtype == torch.float64}
        for name, buffer in exact.items():
            setattr(self, name, buffer.float())
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch gives it no types
        for name, buffer in exact.items():
            device = getattr(self, name).device
            if has_float64(device):
                setattr(self, name, torch.empty_like(buffer, device=device) if buffer.is_meta else buffer.to(device))
        return self
