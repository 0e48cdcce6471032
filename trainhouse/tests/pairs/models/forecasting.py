"""Forecasts the next values of a series, and validates on two sets at once: known series and unknown ones."""

from typing import ClassVar

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import MeanAbsoluteError

Batch = dict[str, Tensor | list[str]]


class Forecaster(L.LightningModule):
    monitor = "val/loss/dataloader_idx_0"
    directions: ClassVar = {
        "val/loss/dataloader_idx_0": "min",
        "val/loss/dataloader_idx_1": "min",
        "val/mae/dataloader_idx_0": "min",
        "val/mae/dataloader_idx_1": "min",
    }

    def __init__(self, history: int = 12, horizon: int = 3, hidden: int = 16, lr: float = 5e-3, dropout: float = 0.1):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(nn.Linear(history, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, horizon))
        self.val_mae = nn.ModuleList([MeanAbsoluteError(), MeanAbsoluteError()])

    def forward(self, history: Tensor) -> Tensor:
        level = history[:, -1:]
        return level + self.net(history - level)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss = F.huber_loss(self(batch["history"]), batch["future"])
        self.log("train/loss", loss, batch_size=len(batch["history"]), on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        forecast = self(batch["history"])
        self.val_mae[dataloader_idx](forecast, batch["future"])
        self.log("val/loss", F.huber_loss(forecast, batch["future"]), batch_size=len(forecast))
        self.log("val/mae", self.val_mae[dataloader_idx], batch_size=len(forecast))

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        loss = F.huber_loss(self(batch["history"]), batch["future"])
        self.log("test/loss", loss, batch_size=len(batch["history"]))

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor | list[str]]:
        return {"series": batch["series"], "forecast": self(batch["history"])}

    def configure_optimizers(self) -> dict:
        optimizer = torch.optim.Adam(self.parameters(), lr=self.hparams.lr)
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "monitor": self.monitor}}
