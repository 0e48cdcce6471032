"""A classifier of rare and common classes that says how its predictions become columns."""

import lightning as L
import torch
from torch import Tensor, nn
from torchmetrics.classification import MulticlassF1Score

Output = dict[str, Tensor | list[str]]


class RareClassifier(L.LightningModule):
    def __init__(self, features: int = 6, classes: int = 3, hidden: int = 16, lr: float = 1e-2):
        super().__init__()
        self.save_hyperparameters()
        self.criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
        self.net = nn.Sequential(
            nn.Linear(features, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(0.1), nn.Linear(hidden, classes)
        )
        self.val_f1 = MulticlassF1Score(classes)
        self.test_f1 = MulticlassF1Score(classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        x, y = batch
        loss = self.criterion(self(x), y)
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        x, y = batch
        logits = self(x)
        self.val_f1.update(logits, y)
        self.log("val/loss", self.criterion(logits, y))

    def on_validation_epoch_end(self) -> None:
        self.log("val/f1", self.val_f1.compute())
        self.val_f1.reset()

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        x, y = batch
        self.test_f1(self(x), y)
        self.log("test/f1", self.test_f1)

    def predict_step(self, batch: tuple[Tensor, list[str]], batch_idx: int) -> Output:
        x, names = batch
        return {"probabilities": self(x).softmax(dim=1), "file": list(names)}

    def prediction_columns(self, output: Output) -> Output:
        probabilities = output["probabilities"]
        columns = {f"p_{index}": probabilities[:, index] for index in range(probabilities.shape[1])}
        return {"file": output["file"], "class": probabilities.argmax(dim=1), **columns}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.RMSprop(self.parameters(), lr=self.hparams.lr)
