"""Watches a test for classes that are never predicted."""

import logging
from typing import Any

import lightning as L
import numpy as np

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.precision import to_numpy
from trainhouse.arrays.unpredicted import unpredicted_line
from trainhouse.training.build_run import BuiltRun

_log = logging.getLogger(__name__)


class Predicted(L.Callback):
    """Counts the test rows of each class, and those for which it is predicted; warns at the end."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes
        self.targets, self.predicted = np.zeros((2, len(classes)), dtype=np.int64)

    def on_test_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Count a batch: its outputs are probabilities (B, C)."""
        count = len(self.classes)
        self.targets += np.bincount(batch[1].cpu().numpy(), minlength=count)
        self.predicted += np.bincount(pl_module.task.decide(to_numpy(outputs)), minlength=count)

    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Warn."""
        if line := unpredicted_line(self.targets, self.predicted, self.classes, "test"):
            _log.warning("warning: %s", line)


def watching_test(built: BuiltRun, trainer: L.Trainer, figures: L.Callback | None) -> list[L.Callback]:
    """Return what is to see the test of a run: what draws its figures, and of classes what counts those predicted.

    One process of several sees a part of the rows.
    """
    found = [figures] if figures else []
    is_ours = isinstance(built.datamodule, DataModule) and not built.has_own_module and hasattr(built.module, "task")
    if is_ours and trainer.world_size == 1 and built.card.spec and built.card.spec.classes:
        found.append(Predicted(built.card.spec.classes))
    return found
