"""Inference as a generator: batches of stored rows in, batches of predictions out."""

import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from trainhouse.arrays.precision import on_device, to_numpy


class Predictor(Protocol):
    """A trained module: it knows its device, and maps stored rows to probabilities or predictions."""

    @property
    def device(self) -> torch.device:
        """Where its weights are."""

    def predict(self, x: Tensor) -> Tensor:
        """Map (B, *input_shape) to (B, C) or (B, T)."""

    def eval(self) -> object:
        """Turn off dropout and augmentation."""


def predict(module: Predictor, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield probabilities (B, C) or predictions (B, T) for each batch of stored rows (B, *input_shape).

    They are float32, or float64 where float32 would round away what tells them apart.
    """
    module.eval()
    with torch.inference_mode():
        for rows in batches:
            yield to_numpy(module.predict(on_device(_tensor(rows), module.device)))


def _tensor(rows: np.ndarray) -> Tensor:
    """Rows as they lie in memory, or in a read-only map: the network's first layer makes new ones of them."""
    if not rows.flags.writeable:
        _silence_torch()
    return torch.from_numpy(rows)


@cache
def _silence_torch() -> None:
    # torch warns of a read-only array once in a process: here, so that no batch has to change the filters.
    read_only = np.zeros(1)
    read_only.flags.writeable = False
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        torch.from_numpy(read_only)
