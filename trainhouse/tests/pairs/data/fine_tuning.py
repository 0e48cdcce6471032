"""Three clusters of rows."""

import lightning as L
import torch
from torch.utils.data import DataLoader, TensorDataset


class ClustersDataModule(L.LightningDataModule):
    def __init__(self, features: int = 12, classes: int = 3, batch_size: int = 8, num_workers: int = 0):
        super().__init__()
        self.save_hyperparameters()

    def setup(self, stage: str) -> None:
        generator = torch.Generator().manual_seed(21)
        centres = torch.randn(self.hparams.classes, self.hparams.features, generator=generator)
        y = torch.arange(104) % self.hparams.classes
        x = centres[y] + 0.8 * torch.randn(104, self.hparams.features, generator=generator)
        if stage == "fit":
            self.train = TensorDataset(x[:72], y[:72])
        if stage in ("fit", "validate"):
            self.val = TensorDataset(x[72:88], y[72:88])
        if stage == "test":
            self.test = TensorDataset(x[88:], y[88:])

    def train_dataloader(self) -> DataLoader:
        return DataLoader(
            self.train, batch_size=self.hparams.batch_size, shuffle=True, num_workers=self.hparams.num_workers
        )

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.val, batch_size=self.hparams.batch_size, num_workers=self.hparams.num_workers)

    def test_dataloader(self) -> DataLoader:
        return DataLoader(self.test, batch_size=self.hparams.batch_size, num_workers=self.hparams.num_workers)
