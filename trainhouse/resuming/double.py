"""Weights of 64 bits, which Lightning reads from a checkpoint before it has converted the module."""

from typing import Any

import lightning as L
from lightning.pytorch.plugins import DoublePrecision


def read_in_double(trainer: L.Trainer, module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
    """Read them again without rounding them, if that is their precision."""
    if isinstance(trainer.precision_plugin, DoublePrecision):
        weights = checkpoint.get(
            "current_model_state", checkpoint["state_dict"]
        )  # beside an average, which is the latter
        module.double().load_state_dict(weights, strict=module.strict_loading)
