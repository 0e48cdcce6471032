"""The yardstick of one step: python -m trainhouse.benchmarks.started.plain_lightning <folder>

What a program of Lightning's own classes does for `python train.py trainer.max_epochs=1`: generated rows, a perceptron
of the same size, one epoch with Lightning's bar, TensorBoard and its checkpoint, validation, and the test.
"""

import sys
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

FEATURES, CLASSES, BATCH_SIZE = 20, 4, 64


class Perceptron(L.LightningModule):
    """Three layers, with the loss of each split logged."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(FEATURES, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, CLASSES)
        )

    def _loss(self, batch: Any, name: str) -> Tensor:
        x, y = batch
        loss = cross_entropy(self.layers(x), y)
        self.log(name, loss)
        return loss

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Return the batch's loss."""
        return self._loss(batch, "train_loss")

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Log the batch's loss."""
        self._loss(batch, "val_loss")

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Log the batch's loss."""
        self._loss(batch, "test_loss")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters())


def main(folder: Path, batches: int) -> None:
    """Train one epoch of `batches` steps, and test."""
    torch.manual_seed(0)

    def loader(rows: int) -> Any:
        rows_and_classes = TensorDataset(torch.randn(rows, FEATURES), torch.randint(CLASSES, (rows,)))
        return DataLoader(rows_and_classes, BATCH_SIZE)

    trainer = L.Trainer(max_epochs=1, limit_train_batches=batches, logger=TensorBoardLogger(folder))
    module = Perceptron()
    trainer.fit(module, loader(1600), loader(200))
    trainer.test(module, loader(200))


if __name__ == "__main__":
    main(Path(sys.argv[1]), batches=1)
