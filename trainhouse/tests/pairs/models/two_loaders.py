"""Learns from labelled rows, and from unlabelled ones that two noisy copies of a row should be predicted alike."""

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import Accuracy


class ConsistencyModel(L.LightningModule):
    def __init__(
        self,
        features: int = 8,
        classes: int = 3,
        hidden: int = 16,
        noise: float = 0.2,
        weight: float = 0.5,
        lr: float = 1e-2,
    ):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(nn.Linear(features, hidden), nn.GELU(), nn.Linear(hidden, classes))
        self.val_acc = Accuracy(task="multiclass", num_classes=classes)
        self.test_acc = Accuracy(task="multiclass", num_classes=classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def training_step(self, batch: dict[str, list[Tensor]], batch_idx: int) -> Tensor:
        x, y = batch["labelled"]
        (u,) = batch["unlabelled"]
        supervised = F.cross_entropy(self(x), y)
        first, second = (self(u + self.hparams.noise * torch.randn_like(u)).log_softmax(1) for _ in range(2))
        consistency = F.kl_div(first, second.detach(), log_target=True, reduction="batchmean")
        loss = supervised + self.hparams.weight * consistency
        self.log_dict({"train/supervised": supervised, "train/consistency": consistency}, batch_size=len(x) + len(u))
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=len(x) + len(u))
        return loss

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        x, y = batch
        logits = self(x)
        self.val_acc(logits, y)
        self.log("val/loss", F.cross_entropy(logits, y))
        self.log("val/acc", self.val_acc, prog_bar=True)

    def test_step(self, batch: list[Tensor], batch_idx: int) -> None:
        x, y = batch
        self.test_acc(self(x), y)
        self.log("test/acc", self.test_acc)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.NAdam(self.parameters(), lr=self.hparams.lr)
