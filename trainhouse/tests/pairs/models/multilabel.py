"""Several labels may be right at once: binary cross entropy, and a multilabel F1 score."""

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import MetricCollection
from torchmetrics.classification import MultilabelAccuracy, MultilabelF1Score

Batch = dict[str, Tensor]


class TagClassifier(L.LightningModule):
    def __init__(self, features: int = 10, labels: int = 4, hidden: int = 16, lr: float = 1e-2, dropout: float = 0.2):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, labels))
        metrics = MetricCollection({"f1": MultilabelF1Score(labels), "acc": MultilabelAccuracy(labels)})
        self.val_metrics = metrics.clone(prefix="val/")
        self.test_metrics = metrics.clone(prefix="test/")

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        loss = F.binary_cross_entropy_with_logits(self(batch["x"]), batch["y"])
        self.log("train/loss", loss, on_step=True, on_epoch=True, batch_size=len(batch["x"]))
        return {"loss": loss}

    def _evaluate(self, batch: Batch, split: str, metrics: MetricCollection) -> None:
        logits = self(batch["x"])
        metrics.update(logits.sigmoid(), batch["y"].long())
        loss = F.binary_cross_entropy_with_logits(logits, batch["y"])
        self.log(f"{split}/loss", loss, batch_size=len(logits), prog_bar=True)
        self.log_dict(metrics, batch_size=len(logits))

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._evaluate(batch, "val", self.val_metrics)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self._evaluate(batch, "test", self.test_metrics)

    def predict_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return self(batch["x"]).sigmoid()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr, momentum=0.9)
