"""A generative adversarial network: manual optimization, two optimizers, two schedulers, nothing to validate."""

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torch.nn import functional as F


def mlp(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, outputs))


class GAN(pl.LightningModule):
    def __init__(
        self, latent_dim: int = 4, hidden: int = 16, lr: float = 2e-3, betas: tuple[float, float] = (0.5, 0.999)
    ):
        super().__init__()
        self.save_hyperparameters()
        self.automatic_optimization = False
        self.generator = mlp(latent_dim, hidden, 2)
        self.discriminator = mlp(2, hidden, 1)

    def forward(self, z: Tensor) -> Tensor:
        return self.generator(z)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> None:
        (real,) = batch
        g_optimizer, d_optimizer = self.optimizers()
        g_scheduler, d_scheduler = self.lr_schedulers()
        z = torch.randn(len(real), self.hparams.latent_dim, device=self.device)

        self.toggle_optimizer(g_optimizer)
        fooled = self.discriminator(self(z))
        g_loss = F.binary_cross_entropy_with_logits(fooled, torch.ones_like(fooled))
        g_optimizer.zero_grad()
        self.manual_backward(g_loss)
        g_optimizer.step()
        self.untoggle_optimizer(g_optimizer)

        self.toggle_optimizer(d_optimizer)
        logits_real, logits_fake = self.discriminator(real), self.discriminator(self(z).detach())
        d_loss = 0.5 * (
            F.binary_cross_entropy_with_logits(logits_real, torch.ones_like(logits_real))
            + F.binary_cross_entropy_with_logits(logits_fake, torch.zeros_like(logits_fake))
        )
        d_optimizer.zero_grad()
        self.manual_backward(d_loss)
        d_optimizer.step()
        self.untoggle_optimizer(d_optimizer)

        g_scheduler.step()
        d_scheduler.step()
        self.log_dict({"train/g_loss": g_loss, "train/d_loss": d_loss}, on_step=False, on_epoch=True, prog_bar=True)

    def configure_optimizers(self) -> tuple[list, list]:
        betas = tuple(self.hparams.betas)
        g = torch.optim.Adam(self.generator.parameters(), lr=self.hparams.lr, betas=betas)
        d = torch.optim.Adam(self.discriminator.parameters(), lr=self.hparams.lr, betas=betas)
        schedulers = [
            {"scheduler": torch.optim.lr_scheduler.StepLR(g, step_size=4, gamma=0.9), "interval": "step"},
            {"scheduler": torch.optim.lr_scheduler.ExponentialLR(d, gamma=0.99), "interval": "step"},
        ]
        return [g, d], schedulers
