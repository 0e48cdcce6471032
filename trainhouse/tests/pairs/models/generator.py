"""A convolutional classifier of short signals; the loss is weighted by class, and the weights are a buffer."""

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics.classification import MulticlassAccuracy


class SignalClassifier(L.LightningModule):
    def __init__(self, classes: int = 2, channels: int = 6, class_weights: list[float] | None = None, lr: float = 1e-2):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(
            nn.Conv1d(1, channels, 5), nn.ReLU(), nn.Dropout1d(0.1), nn.AdaptiveMaxPool1d(1), nn.Flatten()
        )
        self.head = nn.Linear(channels, classes)
        self.register_buffer("class_weights", torch.tensor(list(class_weights or [1.0] * classes)))
        self.val_acc = MulticlassAccuracy(classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.net(x))

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        x, y = batch
        loss = F.cross_entropy(self(x), y, weight=self.class_weights)
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        x, y = batch
        logits = self(x)
        self.val_acc(logits, y)
        self.log_dict({"valid_loss": F.cross_entropy(logits, y), "valid_acc": self.val_acc})

    def test_step(self, batch: list[Tensor], batch_idx: int) -> None:
        x, y = batch
        self.log("test_loss", F.cross_entropy(self(x), y))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)
