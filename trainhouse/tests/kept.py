"""A callback that keeps a checkpoint of every moment of a run, for tests that resume from each of them."""

import shutil
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Checkpoint


class KeepAll(Checkpoint):
    """Writes ``<dirpath>/../kept/<number>_<hook>.ckpt``, and beside it the best model as it then was."""

    def __init__(self, dirpath: str) -> None:
        self.folder, self.best, self.count = Path(dirpath).parent / "kept", Path(dirpath) / "best_model.ckpt", 0

    def _keep(self, trainer: L.Trainer, hook: str) -> None:
        self.count += 1
        path = self.folder / f"{self.count:03d}_{hook}.ckpt"
        trainer.save_checkpoint(path)
        if self.best.exists():
            shutil.copy(self.best, path.with_suffix(".best"))

    def on_train_epoch_start(self, trainer: L.Trainer, *_: Any) -> None:
        self._keep(trainer, "epoch_start")

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx == 1:
            self._keep(trainer, "batch_start")

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        self._keep(trainer, "batch_end")

    def on_validation_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        self._keep(trainer, "in_validation")

    def on_validation_end(self, trainer: L.Trainer, *_: Any) -> None:
        self._keep(trainer, "validation_end")

    def on_train_epoch_end(self, trainer: L.Trainer, *_: Any) -> None:
        self._keep(trainer, "epoch_end")
