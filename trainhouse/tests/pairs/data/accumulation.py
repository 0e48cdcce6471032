"""Regression rows in eleven batches, which three does not divide."""

import lightning as L
import torch
from torch.utils.data import DataLoader, TensorDataset


class RegressionDataModule(L.LightningDataModule):
    def __init__(self, columns: int = 7, rows: int = 116, batch_size: int = 8):
        super().__init__()
        generator = torch.Generator().manual_seed(91)
        x = torch.randn(rows, columns, generator=generator)
        y = x[:, :3].abs().sum(dim=1) + 0.1 * torch.randn(rows, generator=generator)
        self.data = TensorDataset(x, y)
        self.batch_size = batch_size

    def setup(self, stage: str) -> None:
        indices = range(len(self.data))
        self.train, self.val, self.test = (
            torch.utils.data.Subset(self.data, part) for part in (indices[:84], indices[84:100], indices[100:])
        )

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.train, batch_size=self.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.val, batch_size=self.batch_size)

    def test_dataloader(self) -> DataLoader:
        return DataLoader(self.test, batch_size=self.batch_size)
