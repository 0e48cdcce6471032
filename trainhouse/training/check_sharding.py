"""Refuses what needs whole weights beside a strategy that shares them out."""

from typing import Any

import lightning as L
from lightning.pytorch.callbacks import BaseFinetuning, ModelPruning, WeightAveraging
from lightning.pytorch.strategies import FSDPStrategy

from trainhouse.configuration.create import located
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Trainer
from trainhouse.configuration.views import Part
from trainhouse.resuming.trainer_parts import callbacks_of
from trainhouse.training.fsdp import FSDP

_PRECISIONS = ("32-true", "bf16-mixed")
_NAMES = ("fsdp", "fsdp_cpu_offload")


def check_sharding(settings: Trainer) -> None:
    """Raise `UserError` for torch's first FSDP, and for what `FSDP` is not made for."""
    kind = _kind(settings)
    if settings.strategy in _NAMES or issubclass(kind, FSDPStrategy):
        name = settings.strategy if isinstance(settings.strategy, str) else kind.__name__
        raise UserError(
            f"trainer.strategy: {name} is torch's first FSDP, which rounds the buffers that rows are standardised "
            "with; choose trainer=fsdp, or trainer=ddp_cpu on the CPU, where Lightning refuses it"
        )
    if not shares_weights(settings):
        return
    if settings.precision not in _PRECISIONS:
        raise UserError(
            f"trainer.precision: trainer=fsdp computes in {' or '.join(_PRECISIONS)}, got {settings.precision}"
        )
    if settings.get("sync_batchnorm"):
        raise UserError("trainer.sync_batchnorm: is not done by trainer=fsdp; set it to false, or choose trainer=ddp")


def shares_weights(settings: Trainer) -> bool:
    """Whether processes share out the weights."""
    return issubclass(_kind(settings), FSDP)


def _kind(settings: Trainer) -> type:
    """Return the class of a strategy that is named with its arguments."""
    strategy = Part(settings.strategy)
    found = located(strategy, "trainer.strategy") if strategy.is_mapping and strategy.get("_target_") else None
    return found if isinstance(found, type) else object


def refuse_beside_sharding(trainer: L.Trainer, module: L.LightningModule) -> None:
    """Raise `UserError` for layers that can't be shared out, and for what reads whole weights between steps."""
    strategy: Any = trainer.strategy
    if not isinstance(strategy, FSDP):
        return
    if not module.automatic_optimization:
        raise UserError(
            f"trainer.strategy: FSDP does not go with {type(module).__name__}, which makes its own steps; choose "
            "trainer=ddp"
        )
    for callback in callbacks_of(trainer):
        if isinstance(callback, (WeightAveraging, BaseFinetuning, ModelPruning)):
            raise UserError(
                f"callbacks: {type(callback).__name__} needs whole weights, which trainer=fsdp shares out; leave it "
                "out, or choose trainer=ddp"
            )
    strategy.layers(module)
    strategy.checkpointed(module)
