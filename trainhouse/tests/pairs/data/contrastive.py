"""Two random views of every row, made in `__getitem__`, in two worker processes."""

import lightning as L
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset


class TwoViews(Dataset):
    def __init__(self, rows, noise):
        self.rows = rows
        self.noise = noise

    def __len__(self):
        return len(self.rows)

    def _view(self, row):
        kept = torch.from_numpy(np.random.rand(len(row)) > 0.2)
        return row * kept + self.noise * torch.randn(len(row))

    def __getitem__(self, index):
        row = self.rows[index]
        return (self._view(row), self._view(row)), index


class TwoViewsDataModule(L.LightningDataModule):
    def __init__(self, features=12, noise=0.1, batch_size=8, num_workers=2):
        super().__init__()
        self.save_hyperparameters()

    def setup(self, stage=None):
        rows = torch.randn(80, self.hparams.features, generator=torch.Generator().manual_seed(2))
        self.train = TwoViews(rows[:64], self.hparams.noise)
        self.val = TwoViews(rows[64:], self.hparams.noise)

    def train_dataloader(self):
        return DataLoader(
            self.train,
            batch_size=self.hparams.batch_size,
            shuffle=True,
            drop_last=True,
            num_workers=self.hparams.num_workers,
        )

    def val_dataloader(self):
        return DataLoader(self.val, batch_size=self.hparams.batch_size, num_workers=self.hparams.num_workers)
