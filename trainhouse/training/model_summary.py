"""A table of a model's layers, for who asks for it: callbacks=[default,model_summary]."""

import logging
from typing import Annotated, Any

import lightning as L
from annotated_types import Ge
from lightning.pytorch.utilities import rank_zero_only
from torch import nn
from torch.nn.parameter import is_lazy

from trainhouse.reports.aligned_table import table
from trainhouse.resuming.sharded import class_of

_log = logging.getLogger(__name__)


class ModelSummary(L.Callback):
    """Shows the layers that have weights before training; layers within layers down to `max_depth`, -1 for all.

    No batch is run for it, so that asking changes nothing of the training.
    """

    def __init__(self, max_depth: Annotated[int, Ge(-1)] = 2) -> None:
        self.max_depth = max_depth

    @rank_zero_only
    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Show the table."""
        _log.info("%s\n", layer_table(pl_module, self.max_depth), extra={"lines": True})


def layer_table(module: nn.Module, max_depth: int) -> str:
    """Return a line for each layer down to a depth: its name, its class, its weights, and how many are trained."""
    rows = [
        [name or "all", class_of(layer).__name__, *_weights(layer)]
        for name, layer in module.named_modules()
        if _depth(name) <= max_depth or max_depth == -1
    ]
    return table(["layer", "class", "weights", "trained"], [row for row in rows if row[2]])


def _depth(name: str) -> int:
    return name.count(".") + 1 if name else 0


def _weights(layer: nn.Module) -> tuple[Any, Any]:
    """Return the number of weights, and of those that are trained; words where a first batch makes them."""
    weights = list(layer.parameters())
    if any(map(is_lazy, weights)):
        return "made later", "?"
    return sum(one.numel() for one in weights), sum(one.numel() for one in weights if one.requires_grad)
