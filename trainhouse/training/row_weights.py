"""What a run with weights of its rows asks of its loss, and what of it can't count them."""

import functools
import inspect
import logging
from typing import Any

from torch import nn

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.preprocessing_datamodule import PreprocessingDataModule
from trainhouse.configuration.errors import UserError

_log = logging.getLogger(__name__)
SPLITS = ("val", "test")


def check_row_weights(module: Any, datamodule: Any) -> None:
    """Raise `UserError` if rows have weights and the module's loss takes none; name the metrics that don't."""
    if not isinstance(datamodule, DataModule) or datamodule.beside["train"].weights is None:
        return
    key = datamodule.beside["train"].key("weights")
    loss = getattr(module, "loss", None)
    if isinstance(datamodule, PreprocessingDataModule) or not callable(loss):  # for a LightningModule of the user's own
        _log.info("note: %s: a batch is (x, y, weights); the loss and the metrics are the module's own", key)
        return
    if not _takes_weights(loss):
        name = getattr(loss, "__name__", None) or type(loss).__name__
        raise UserError(
            f"{key}: the loss {name} takes no weights; give it an argument `weights`, or choose another loss="
        )
    names: dict[str, None] = {}
    for split in SPLITS:
        for name, metric in module.metrics[f"{split}_split"].items() if hasattr(module, "metrics") else ():
            own = [name.partition("/")[2]] * (not _takes_weights(metric.update))
            names |= dict.fromkeys([*own, *getattr(metric, "unweighted", ())])
    if names:
        measures = list(names)
        one = len(measures) == 1
        _log.info("note: %s counts in the loss; %s count%s each row once", key, ", ".join(measures), "s" * one)


def _takes_weights(function: Any) -> bool:
    if isinstance(function, functools.partial):
        function = function.func
    target = function.forward if isinstance(function, nn.Module) else function
    return "weights" in inspect.signature(target).parameters
