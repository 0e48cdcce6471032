"""Learns to tell which two views come from the same row (NT-Xent, as in SimCLR, https://arxiv.org/abs/2002.05709)."""

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ContrastiveModel(L.LightningModule):
    def __init__(self, features=12, width=24, embedding=6, temperature=0.3, lr=5e-3):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(features, width), nn.BatchNorm1d(width), nn.ReLU())
        self.projection = nn.Linear(width, embedding)
        self.temperature = temperature
        self.lr = lr

    def forward(self, x):
        return self.encoder(x)

    def _loss(self, views: list[Tensor]) -> Tensor:
        first, second = (F.normalize(self.projection(self.encoder(view)), dim=1) for view in views)
        both = torch.cat([first, second])
        similarity = both @ both.T / self.temperature
        similarity = similarity.masked_fill(torch.eye(len(both), dtype=torch.bool, device=both.device), float("-inf"))
        partner = torch.arange(len(both), device=both.device).roll(len(first))
        return F.cross_entropy(similarity, partner)

    def training_step(self, batch, batch_idx):
        views, _ = batch
        loss = self._loss(views)
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, batch_idx):
        views, _ = batch
        self.log("val_loss", self._loss(views), prog_bar=True)

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), lr=self.lr, weight_decay=1e-4)
        return [optimizer], [torch.optim.lr_scheduler.LinearLR(optimizer, 0.2, 1.0, total_iters=3)]
