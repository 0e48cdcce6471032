"""How the weights move, for the loggers: ``log_gradients=true``; and when their gradients can't be clipped."""

from typing import Any

import lightning as L
import torch
from lightning.pytorch.plugins.precision import MixedPrecision
from torch.optim import Optimizer

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.views import Part
from trainhouse.resuming.loops import logged_step
from trainhouse.resuming.sharded import is_sharded, whole
from trainhouse.runs.shown import show_histogram


def check_clipping(trainer: L.Trainer, optimizer: Part) -> None:
    """Raise `UserError` if the optimizer's own kernel turns scaled gradients into those that should be clipped."""
    precision = trainer.precision_plugin
    is_scaled = isinstance(precision, MixedPrecision) and precision.scaler is not None
    if is_scaled and trainer.gradient_clip_val and optimizer.get("fused"):
        raise UserError(
            f"trainer.gradient_clip_val: trainer.precision={trainer.precision} scales gradients, and a fused optimizer "
            "has them unscaled only within its step; set optimizer.fused=false, or trainer.precision=bf16-mixed"
        )


class GradientLog(L.Callback):
    """Logs the norm of all gradients at the steps that are logged, and after each epoch how weights are distributed.

    The norm is that of the step as the optimizer would take it: of all batches that it adds up, in the gradients' own
    scale if the precision is mixed, and before they are clipped. Of several optimizers each has its own.
    """

    def on_before_optimizer_step(self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: Optimizer) -> None:
        """Log the norm, if it is time."""
        step = logged_step(trainer)
        if step % trainer.log_every_n_steps:  # type: ignore[attr-defined]
            return
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        if not gradients:
            return
        norm = float(whole(torch.nn.utils.get_total_norm(gradients)))
        name = "step/gradient_norm" + (f"_{_number(trainer, optimizer)}" if len(trainer.optimizers) > 1 else "")
        if trainer.is_global_zero:
            for logger in trainer.loggers:
                logger.log_metrics({name: norm}, step=step)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Show the weights; what is not finite in them is left out. Those that ranks share take all of them."""
        if not trainer.is_global_zero and not is_sharded(pl_module):
            return
        for name, weight in pl_module.named_parameters():
            if not torch.nn.parameter.is_lazy(weight):
                values = whole(weight.detach()).float()
                values = values[torch.isfinite(values)]
                if len(values) and trainer.is_global_zero:
                    show_histogram(trainer.loggers, f"weights/{name}", values.cpu().numpy(), logged_step(trainer) - 1)


def _number(trainer: L.Trainer, optimizer: Any) -> int:
    inner = getattr(optimizer, "optimizer", optimizer)
    return next((number for number, one in enumerate(trainer.optimizers) if one is inner), 0)
