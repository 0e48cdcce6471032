"""A denoiser: predicts a clean row from a noisy one."""

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Denoiser(L.LightningModule):
    def __init__(self, columns: int = 8, hidden: int = 20, lr: float = 1e-2):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(nn.Linear(columns, hidden), nn.ELU(), nn.Linear(hidden, columns))

    def forward(self, noisy: Tensor) -> Tensor:
        return noisy + self.net(noisy)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        noisy, clean = batch
        loss = F.mse_loss(self(noisy), clean)
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        noisy, clean = batch
        self.log("val/loss", F.mse_loss(self(noisy), clean))

    def test_step(self, batch: list[Tensor], batch_idx: int) -> None:
        noisy, clean = batch
        self.log("test/loss", F.mse_loss(self(noisy), clean))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)
