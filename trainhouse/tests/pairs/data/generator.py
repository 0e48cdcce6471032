"""Short signals, shuffled by a generator that belongs to the loader: its state moves on with every epoch."""

import lightning as L
import torch
from torch.utils.data import DataLoader, TensorDataset


class SignalDataModule(L.LightningDataModule):
    def __init__(self, length: int = 24, batch_size: int = 8, shuffle_seed: int = 7):
        super().__init__()
        self.save_hyperparameters()

    def setup(self, stage: str) -> None:
        generator = torch.Generator().manual_seed(81)
        y = torch.randint(2, (96,), generator=generator)
        time = torch.arange(self.hparams.length) / self.hparams.length
        phase = torch.rand(96, 1, generator=generator)
        x = torch.sin(2 * torch.pi * ((2 + 2 * y[:, None]) * time + phase))
        x = (x + 0.3 * torch.randn(x.shape, generator=generator))[:, None]
        self.parts = {
            "train": TensorDataset(x[:64], y[:64]),
            "val": TensorDataset(x[64:80], y[64:80]),
            "test": TensorDataset(x[80:], y[80:]),
        }

    def train_dataloader(self) -> DataLoader:
        return DataLoader(
            self.parts["train"],
            batch_size=self.hparams.batch_size,
            shuffle=True,
            generator=torch.Generator().manual_seed(self.hparams.shuffle_seed),
        )

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.parts["val"], batch_size=self.hparams.batch_size)

    def test_dataloader(self) -> DataLoader:
        return DataLoader(self.parts["test"], batch_size=self.hparams.batch_size)
