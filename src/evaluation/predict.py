"""Inference as a generator: batches of stored rows in, batches of predictions out."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np
import torch
from torch import Tensor


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
    """Yield float32 probabilities (B, C) or predictions (B, T) for each batch of stored rows (B, *input_shape)."""
    module.eval()
    with torch.inference_mode():
        for rows in batches:
            yield module.predict(torch.from_numpy(rows).to(module.device)).float().cpu().numpy()
