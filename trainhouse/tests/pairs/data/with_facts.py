"""A LightningDataModule that tells what it holds, so that a network can be made for it."""

import lightning as L
import torch
from torch.utils.data import DataLoader, TensorDataset


class FactsDataModule(L.LightningDataModule):
    def __init__(self, batch_size: int = 8, num_workers: int = 0):
        super().__init__()
        self.batch_size = batch_size
        self.num_workers = num_workers

    def facts(self) -> dict:
        return {"task": "classification", "input_shape": [6], "outputs": 3}

    def setup(self, stage: str) -> None:
        generator = torch.Generator().manual_seed(111)
        y = torch.randint(3, (104,), generator=generator)
        x = torch.randn(3, 6, generator=generator)[y] + 0.6 * torch.randn(104, 6, generator=generator)
        self.train = TensorDataset(x[:72], y[:72])
        self.val = TensorDataset(x[72:88], y[72:88])
        self.test = TensorDataset(x[88:], y[88:])

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.train, batch_size=self.batch_size, shuffle=True, num_workers=self.num_workers)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.val, batch_size=self.batch_size, num_workers=self.num_workers)

    def test_dataloader(self) -> DataLoader:
        return DataLoader(self.test, batch_size=self.batch_size, num_workers=self.num_workers)
