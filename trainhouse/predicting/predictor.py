"""A trained model as a plain `torch.nn.Module`, to be called, exported or served: raw rows in, predictions out."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainhouse.arrays.spec import DataSpec
from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.machine.writes import only_below
from trainhouse.predicting.ensemble import is_own
from trainhouse.training.rebuild_module import rebuild_module


class Predictor(nn.Module):
    """Rows as they are stored to class probabilities (B, C), or to predictions (B, T) in the targets' own units.

    The fitted preprocessing is within. `spec` says what rows are like: the order of their columns, the codes of
    categories, the names of classes.
    """

    def __init__(self, module: Any, spec: DataSpec) -> None:
        super().__init__()
        self.module, self.spec = module, spec

    @property
    def example(self) -> Tensor:
        """Two rows of zeros, as they are taken: with one, `torch.export` would take it for the only number there is."""
        return torch.from_numpy(np.zeros((2, *self.spec.input_shape), self.spec.dtype))

    def forward(self, rows: Tensor) -> Tensor:
        """Map (B, *input_shape) to (B, C) or (B, T)."""
        predictions: Tensor = self.module.predict(rows)
        return predictions


def load_predictor(path: str | Path) -> Predictor:
    """Return the model of a checkpoint, or of a run folder's best one, on the CPU, ready to predict.

    Raises `UserError` for a LightningModule of the user's own: what it predicts, its own methods say.
    """
    checkpoint = load_checkpoint(path, "path")
    if is_own(checkpoint):
        name = checkpoint.config.model.name
        raise UserError(f"path: {checkpoint.path} is of a {name}; {name}.load_from_checkpoint(path) gives that itself")
    with only_below(checkpoint.foreign, checkpoint.path.parent):
        return Predictor(rebuild_module(checkpoint), checkpoint.data_spec).eval()
