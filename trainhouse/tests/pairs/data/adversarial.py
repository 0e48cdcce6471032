"""Points near a ring. The DataModule has a training loader only."""

import math

import lightning.pytorch as pl
import torch
from torch.utils.data import DataLoader, TensorDataset


class RingDataModule(pl.LightningDataModule):
    def __init__(self, points: int = 84, noise: float = 0.05, batch_size: int = 8):
        super().__init__()
        self.save_hyperparameters()
        generator = torch.Generator().manual_seed(3)
        angle = 2 * math.pi * torch.rand(points, generator=generator)
        ring = torch.stack([angle.cos(), angle.sin()], dim=1)
        self.train_data = TensorDataset(ring + noise * torch.randn(ring.shape, generator=generator))

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.train_data, batch_size=self.hparams.batch_size, shuffle=True, drop_last=True)
