"""Refuses a callback of Lightning's that would look for a part which a module doesn't have."""

from collections.abc import Iterable

import lightning as L
from lightning.pytorch.callbacks import BackboneFinetuning

from trainhouse.configuration.errors import UserError


def refuse_without_backbone(callbacks: Iterable[L.Callback], module: L.LightningModule) -> None:
    """Raise `UserError` for a `BackboneFinetuning` beside a module without a part of that name."""
    for callback in callbacks:
        if isinstance(callback, BackboneFinetuning) and not hasattr(module, "backbone"):
            raise UserError(
                f"callbacks: {type(callback).__name__} is for a LightningModule with a part named backbone, which "
                f"{type(module).__name__} has not; freeze= and optimizer.groups= are for any part"
            )
