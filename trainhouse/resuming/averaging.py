"""Weights beside averages that take their place while a validation lasts, and weights of 64 bits: none is lost."""

from functools import partial
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import WeightAveraging
from lightning.pytorch.plugins import DoublePrecision

from trainhouse.resuming.trainer_parts import callbacks_of


def tell_averages_apart(trainer: L.Trainer) -> None:
    """Have what is saved within a validation hold the weights as weights; to be called once.

    Lightning saves them as the average then, and the average as what training goes on with.
    """
    for callback in callbacks_of(trainer):
        if isinstance(callback, WeightAveraging):
            _Exchanged(callback)
            if isinstance(trainer.precision_plugin, DoublePrecision):
                _average_in_double(callback)


def _average_in_double(callback: WeightAveraging) -> None:
    """Keep the average in 64 bits as the weights: Lightning copies the module before it has converted it.

    In 32 bits each validation, which puts one in the other's place and back, would round the weights.
    """

    def set_up(hook: Any, *arguments: Any, **named: Any) -> None:
        hook(*arguments, **named)
        if callback._average_model is not None:
            callback._average_model.double()

    setattr(callback, "setup", partial(set_up, callback.setup))  # noqa: B010


class _Exchanged:
    """Knows whether a callback has exchanged the two."""

    def __init__(self, callback: WeightAveraging) -> None:
        self.is_so = False
        for name, becomes in (("on_validation_epoch_start", True), ("on_validation_epoch_end", False)):
            setattr(callback, name, partial(self._exchange, getattr(callback, name), becomes))
        setattr(callback, "on_save_checkpoint", partial(self._save, callback.on_save_checkpoint))  # noqa: B010

    def _exchange(self, hook: Any, becomes: bool, *arguments: Any) -> None:
        hook(*arguments)
        self.is_so = becomes

    def _save(self, hook: Any, trainer: L.Trainer, module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        hook(trainer, module, checkpoint)
        if self.is_so and "current_model_state" in checkpoint:
            average, current = checkpoint["current_model_state"], checkpoint["state_dict"]
            checkpoint["state_dict"], checkpoint["current_model_state"] = average, current


def read_in_double(trainer: L.Trainer, module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
    """Read weights of 64 bits again without rounding them: Lightning has read them before it converts the module."""
    if isinstance(trainer.precision_plugin, DoublePrecision):
        # Beside an average, which is the latter.
        weights = checkpoint.get("current_model_state", checkpoint["state_dict"])
        module.double().load_state_dict(weights, strict=module.strict_loading)
