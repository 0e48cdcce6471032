"""A classifier with an average of its weights that it keeps itself, and a count that its checkpoint hooks save."""

from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F


class AveragedClassifier(L.LightningModule):
    def __init__(self, columns: int = 6, classes: int = 3, decay: float = 0.9, lr: float = 0.05):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Linear(columns, classes)
        self.averaged = nn.Linear(columns, classes).requires_grad_(False)
        self.averaged.load_state_dict(self.net.state_dict())
        self.seen = 0

    def forward(self, x: Tensor) -> Tensor:
        return self.averaged(x)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        x, y = batch
        loss = F.cross_entropy(self.net(x), y)
        self.seen += len(x)
        self.log("train/loss", loss)
        self.log("train/seen", float(self.seen), on_step=False, on_epoch=True, reduce_fx="max")
        return loss

    @torch.no_grad()
    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        for mean, value in zip(self.averaged.parameters(), self.net.parameters(), strict=True):
            mean.lerp_(value, 1 - self.hparams.decay)

    def _evaluate(self, batch: list[Tensor], split: str) -> None:
        x, y = batch
        logits = self(x)
        self.log(f"{split}/loss", F.cross_entropy(logits, y))
        self.log(f"{split}/acc", (logits.argmax(1) == y).float().mean())

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self._evaluate(batch, "val")

    def test_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self._evaluate(batch, "test")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["seen"] = self.seen

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.seen = checkpoint["seen"]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.net.parameters(), lr=self.hparams.lr)
