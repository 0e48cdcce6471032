"""What a run with weights of its rows asks of its loss, and what of it can't count them."""

import functools
import inspect
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import nn
from torchmetrics import Metric

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.preprocessing_datamodule import PreprocessingDataModule
from trainhouse.configuration.errors import UserError

_log = logging.getLogger(__name__)
_MEASURED = ("val", "test")


def check_row_weights(module: Any, datamodule: Any) -> None:
    """Raise `UserError` if rows have weights and the module's loss takes none; name the metrics that don't."""
    if not isinstance(datamodule, DataModule) or datamodule.beside["train"].weights is None:
        return
    key = datamodule.beside["train"].key("weights")
    loss = getattr(module, "loss", None)
    if isinstance(datamodule, PreprocessingDataModule) or not callable(loss):  # for a LightningModule of the user's own
        _log.info("note: %s: a batch is (x, y, weights); the loss and the metrics are the module's own", key)
        return
    if not takes_weights(loss):
        made = _behind_partials(loss)
        name = getattr(made, "__name__", None) or type(made).__name__
        raise UserError(
            f"{key}: the loss {name} takes no weights; give it an argument `weights`, or choose another loss="
        )
    names: dict[str, None] = {}
    for split in _MEASURED:
        for name, metric in module.metrics[f"{split}_split"].items() if hasattr(module, "metrics") else ():
            own = [name.partition("/")[2]] * (not takes_weights(metric))
            names |= dict.fromkeys([*own, *getattr(metric, "unweighted", ())])
    if names:
        measures = list(names)
        one = len(measures) == 1
        _log.info("note: %s counts in the loss; %s count%s each row once", key, ", ".join(measures), "s" * one)


def class_counts(facts: Mapping[str, Any], datamodule: Any) -> dict[str, Any]:
    """Return the facts for a loss: each class has as many training rows as they weigh, if rows have weights."""
    weights = datamodule.weights_of("train") if isinstance(datamodule, DataModule) else None
    if weights is None or "class_counts" not in facts:
        return dict(facts)
    rows, numbers = datamodule.parts["train"]
    sums = np.bincount(rows.y if numbers is None else rows.y[numbers], weights, minlength=facts["outputs"])
    return {**facts, "class_counts": sums.tolist()}


def takes_weights(measure: Any) -> bool:
    """Whether a loss, or a metric's `update`, takes the `weights` (B,) of rows; else each row counts once."""
    if isinstance(measure, Metric):
        return _updates_with_weights(type(measure))
    loss = _behind_partials(measure)
    return "weights" in inspect.signature(loss.forward if isinstance(loss, nn.Module) else loss).parameters


@functools.cache
def _updates_with_weights(kind: type[Metric]) -> bool:
    return "weights" in inspect.signature(kind.update).parameters


def _behind_partials(loss: Any) -> Any:
    while isinstance(loss, functools.partial):
        loss = loss.func
    return loss
