"""A variational autoencoder. It draws a latent vector per row in training, validation and test steps alike."""

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F


class VAE(L.LightningModule):
    def __init__(self, features: int, latent: int = 3, hidden: int = 24, kl_weight: float = 0.05, lr: float = 3e-3):
        super().__init__()
        self.save_hyperparameters()
        self.encoder = nn.Sequential(nn.Linear(features, hidden), nn.Tanh(), nn.Linear(hidden, 2 * latent))
        self.decoder = nn.Sequential(nn.Linear(latent, hidden), nn.Tanh(), nn.Linear(hidden, features))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        latent = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return self.decoder(latent), mean, log_variance

    def _loss(self, x: Tensor, split: str) -> Tensor:
        reconstruction, mean, log_variance = self(x)
        error = F.mse_loss(reconstruction, x)
        kl = 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(1).mean()
        loss = error + self.hparams.kl_weight * kl
        self.log_dict({f"{split}/loss": loss, f"{split}/reconstruction": error, f"{split}/kl": kl}, on_epoch=True)
        return loss

    def training_step(self, x: Tensor, batch_idx: int) -> Tensor:
        return self._loss(x, "train")

    def validation_step(self, x: Tensor, batch_idx: int) -> None:
        self._loss(x, "val")

    def test_step(self, x: Tensor, batch_idx: int) -> None:
        self._loss(x, "test")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)
