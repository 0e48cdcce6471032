"""A recurrent classifier of texts of different lengths."""

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence
from torchmetrics.classification import MulticlassAccuracy

Batch = tuple[Tensor, Tensor, Tensor]


class TextClassifier(L.LightningModule):
    def __init__(self, vocab_size: int = 20, classes: int = 2, width: int = 12, dropout: float = 0.1, lr: float = 1e-2):
        super().__init__()
        self.save_hyperparameters()
        self.embedding = nn.Embedding(vocab_size, width, padding_idx=0)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, classes)
        self.val_acc = MulticlassAccuracy(classes, average="micro")
        self.test_acc = MulticlassAccuracy(classes, average="micro")

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.embedding(tokens), lengths.cpu(), batch_first=True, enforce_sorted=False)
        _, last = self.rnn(packed)
        return self.head(self.dropout(last[-1]))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        tokens, lengths, labels = batch
        loss = F.cross_entropy(self(tokens, lengths), labels)
        self.log("train/loss", loss, batch_size=len(labels))
        return loss

    def _evaluate(self, batch: Batch, split: str, accuracy: MulticlassAccuracy) -> None:
        tokens, lengths, labels = batch
        logits = self(tokens, lengths)
        accuracy(logits, labels)
        self.log(f"{split}/loss", F.cross_entropy(logits, labels), batch_size=len(labels))
        self.log(f"{split}/acc", accuracy, batch_size=len(labels))

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._evaluate(batch, "val", self.val_acc)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self._evaluate(batch, "test", self.test_acc)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)
