"""A curriculum: every new training loader has more of the rows in it, and others each time."""

import lightning as L
import torch
from torch.utils.data import DataLoader, Subset, TensorDataset


class CurriculumDataModule(L.LightningDataModule):
    """For `Trainer(reload_dataloaders_every_n_epochs=...)`."""

    def __init__(self, columns: int = 6, first: int = 32, more: int = 8, batch_size: int = 8):
        super().__init__()
        self.save_hyperparameters()

    def setup(self, stage: str) -> None:
        generator = torch.Generator().manual_seed(61)
        x = torch.randn(104, self.hparams.columns, generator=generator)
        y = x[:, 0] * x[:, 1] + x[:, 2] + 0.1 * torch.randn(104, generator=generator)
        self.train = TensorDataset(x[:72], y[:72])
        self.val = TensorDataset(x[72:88], y[72:88])
        self.test = TensorDataset(x[88:], y[88:])

    def train_dataloader(self) -> DataLoader:
        size = min(self.hparams.first + self.hparams.more * self.trainer.current_epoch, len(self.train))
        chosen = torch.randperm(len(self.train))[:size].tolist()
        return DataLoader(Subset(self.train, chosen), batch_size=self.hparams.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.val, batch_size=self.hparams.batch_size)

    def test_dataloader(self) -> DataLoader:
        return DataLoader(self.test, batch_size=self.hparams.batch_size)
