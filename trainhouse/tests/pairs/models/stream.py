"""Regression on a stream of rows; the loss of an epoch is a mean of its own, kept in a list."""

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import R2Score


class StreamRegressor(L.LightningModule):
    def __init__(self, columns: int = 5, hidden: int = 12, learning_rate: float = 1e-2, dropout: float = 0.1):
        super().__init__()
        self.save_hyperparameters("learning_rate")
        self.net = nn.Sequential(
            nn.LayerNorm(columns), nn.Linear(columns, hidden), nn.SiLU(), nn.Dropout(dropout), nn.Linear(hidden, 1)
        )
        self.val_losses: list[Tensor] = []
        self.test_r2 = R2Score()

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x).squeeze(1)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        x, y = batch
        loss = F.mse_loss(self(x), y)
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        x, y = batch
        self.val_losses.append(F.mse_loss(self(x), y))

    def on_validation_epoch_end(self) -> None:
        self.log("val/loss", torch.stack(self.val_losses).mean(), prog_bar=True)
        self.val_losses.clear()

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        x, y = batch
        self.test_r2(self(x), y)
        self.log("test/r2", self.test_r2)

    def configure_optimizers(self) -> dict:
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.hparams.learning_rate)
        scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.98)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step", "frequency": 2}}
