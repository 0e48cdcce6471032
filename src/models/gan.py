"""A generative adversarial network: two networks, two optimizers, and a training step that does it all itself."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.lr_scheduler import ExponentialLR


class GAN(LightningModule):
    """A generator turns noise into points; a discriminator, trained against it, tells them from real ones.

    Goodfellow et al., "Generative Adversarial Networks", 2014, with the loss that its section 3 recommends. What is
    logged beside the losses is how far the points have come: `train/distance` is 0 where both kinds of points have the
    same distribution.
    """

    directions: ClassVar[dict[str, str]] = {"train/distance": "min"}

    def __init__(
        self,
        dimensions: int,
        latent_size: int,
        hidden_size: int,
        generator_lr: float,
        discriminator_lr: float,
        lr_decay: float,
        betas: tuple[float, float],
    ) -> None:
        """`dimensions` is the length of a point, `latent_size` that of the noise it is made from."""
        super().__init__()
        self.save_hyperparameters()
        # Two optimizers take turns, in an order that only this class knows: it calls them and their schedules itself.
        self.automatic_optimization = False
        self.generator = _perceptron(latent_size, hidden_size, dimensions)
        self.discriminator = _perceptron(dimensions, hidden_size, 1)

    def forward(self, noise: Tensor) -> Tensor:
        """Generate points (B, dimensions) from standard normal noise (B, latent_size)."""
        points: Tensor = self.generator(noise)
        return points

    def training_step(self, batch: list[Tensor], batch_idx: int) -> None:
        """One step of the discriminator, then one of the generator: `trainer.global_step` counts both."""
        (real,) = batch
        generator_optimizer, discriminator_optimizer = self.optimizers()  # type: ignore[attr-defined]
        fake = self(self._noise(len(real)))

        # The discriminator is shown points without their history: its step must not reach the generator.
        on_real, on_fake = self.discriminator(real), self.discriminator(fake.detach())
        discriminator_loss = F.softplus(-on_real).mean() + F.softplus(on_fake).mean()
        discriminator_optimizer.zero_grad()
        self.manual_backward(discriminator_loss)
        discriminator_optimizer.step()

        # The gradient passes through the discriminator; what it leaves there, the next `zero_grad` removes.
        generator_loss = F.softplus(-self.discriminator(fake)).mean()
        generator_optimizer.zero_grad()
        self.manual_backward(generator_loss)
        generator_optimizer.step()

        losses = {"train/generator_loss": generator_loss, "train/discriminator_loss": discriminator_loss}
        self.log_dict(losses, on_step=False, on_epoch=True)
        self.log("train/distance", energy_distance(real, fake.detach()), on_step=False, on_epoch=True, prog_bar=True)

    def predict_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        """Generate one point for each entry of the batch: (B, dimensions)."""
        points: Tensor = self(self._noise(len(batch)))
        return points

    def prediction_columns(self, output: Tensor) -> dict[str, Tensor]:
        """Name the columns of a table of generated points: x_0, x_1, ..."""
        return {f"x_{i}": column for i, column in enumerate(output.unbind(dim=1))}

    def configure_optimizers(self) -> tuple[list[Adam], list[ExponentialLR]]:
        """Return the generator's optimizer and the discriminator's, in the order that `training_step` relies on."""
        betas = self.hparams["betas"]
        generator = Adam(self.generator.parameters(), self.hparams["generator_lr"], betas=betas)
        discriminator = Adam(self.discriminator.parameters(), self.hparams["discriminator_lr"], betas=betas)
        optimizers = [generator, discriminator]
        return optimizers, [ExponentialLR(optimizer, self.hparams["lr_decay"]) for optimizer in optimizers]

    def on_train_epoch_end(self) -> None:
        """Shorten the steps of both optimizers: with steps of one length the two networks never settle."""
        for schedule in self.lr_schedulers():  # type: ignore[union-attr]
            schedule.step()

    def _noise(self, rows: int) -> Tensor:
        return torch.randn(rows, self.hparams["latent_size"], device=self.device)


def energy_distance(a: Tensor, b: Tensor) -> Tensor:
    """Estimate, without bias, how far apart two distributions are, from samples (N, D) and (M, D): 0 for the same.

    Szekely and Rizzo, "Energy statistics", 2013, equation (2.2). On the ring it sees what
    is missing rather than what is blurred: 0.02 without one of eight clusters, 0.002 if each is twice as wide.
    """
    n, m = len(a), len(b)
    # The zeros on the diagonals, the distances of points to themselves, don't count.
    within = torch.cdist(a, a).sum() / (n * (n - 1)) + torch.cdist(b, b).sum() / (m * (m - 1))
    return 2 * torch.cdist(a, b).mean() - within


def _perceptron(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Linear(inputs, hidden), nn.LeakyReLU(0.2)]
    for _ in range(2):
        layers += [nn.Linear(hidden, hidden), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(hidden, outputs))
