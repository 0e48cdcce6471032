"""A backbone that may come with pretrained weights, trained for one epoch and frozen afterwards."""

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics.classification import MulticlassAccuracy


def download_weights(backbone: nn.Module) -> dict[str, Tensor]:
    """Weights as a model hub would give them: the same on every call, whatever the global generators' state."""
    print("downloading backbone weights")
    generator = torch.Generator().manual_seed(1234)
    return {
        name: 0.3 * torch.randn(value.shape, generator=generator) if name.endswith("0.weight") else value
        for name, value in backbone.state_dict().items()
    }


class FineTuned(L.LightningModule):
    def __init__(
        self, features: int = 12, classes: int = 3, width: int = 16, pretrained: bool = True, lr: float = 1e-2
    ):
        super().__init__()
        self.save_hyperparameters()
        self.backbone = nn.Sequential(
            nn.Sequential(nn.Linear(features, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.2)),
            nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.2)),
        )
        self.head = nn.Sequential(nn.Dropout(0.1), nn.Linear(width, classes))
        if pretrained:
            self.backbone.load_state_dict(download_weights(self.backbone))
        self.val_acc = MulticlassAccuracy(classes, average="micro")
        self.test_acc = MulticlassAccuracy(classes, average="micro")

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.backbone(x))

    def on_train_epoch_start(self) -> None:
        if self.current_epoch >= 1:
            self.backbone.requires_grad_(False)
            self.backbone.eval()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        x, y = batch
        loss = F.cross_entropy(self(x), y)
        self.log("train/loss", loss)
        return loss

    def _evaluate(self, batch: tuple[Tensor, Tensor], split: str, accuracy: MulticlassAccuracy) -> None:
        x, y = batch
        logits = self(x)
        accuracy(logits, y)
        self.log_dict({f"{split}/loss": F.cross_entropy(logits, y), f"{split}/acc": accuracy}, prog_bar=True)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, "val", self.val_acc)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, "test", self.test_acc)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        groups = [
            {"params": self.backbone.parameters(), "lr": 0.1 * self.hparams.lr},
            {"params": self.head.parameters()},
        ]
        return torch.optim.SGD(groups, lr=self.hparams.lr, momentum=0.9, weight_decay=1e-3)
