"""Rows with four tags each; a batch is a dictionary with the keys "x" and "y"."""

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset


class Tagged(Dataset):
    def __init__(self, x: Tensor, y: Tensor):
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"x": self.x[index], "y": self.y[index]}


class TaggedDataModule(L.LightningDataModule):
    def __init__(self, features: int = 10, labels: int = 4, batch_size: int = 8):
        super().__init__()
        self.features, self.labels, self.batch_size = features, labels, batch_size

    def setup(self, stage: str) -> None:
        generator = torch.Generator().manual_seed(11)
        x = torch.randn(100, self.features, generator=generator)
        y = (x @ torch.randn(self.features, self.labels, generator=generator) > 0).float()
        self.parts = {
            "train": Tagged(x[:64], y[:64]),
            "val": Tagged(x[64:82], y[64:82]),
            "test": Tagged(x[82:], y[82:]),
        }

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.parts["train"], batch_size=self.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.parts["val"], batch_size=2 * self.batch_size)

    def test_dataloader(self) -> DataLoader:
        return DataLoader(self.parts["test"], batch_size=2 * self.batch_size)

    def predict_dataloader(self) -> DataLoader:
        return self.test_dataloader()
