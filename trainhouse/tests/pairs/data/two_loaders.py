"""Few labelled rows and many unlabelled ones: two training loaders, the shorter one of which is repeated."""

import lightning as L
import torch
from torch.utils.data import DataLoader, TensorDataset


class SemiSupervisedDataModule(L.LightningDataModule):
    def __init__(self, features: int = 8, labelled: int = 28, unlabelled: int = 60, batch_size: int = 8):
        super().__init__()
        self.save_hyperparameters()

    def setup(self, stage: str) -> None:
        generator = torch.Generator().manual_seed(41)
        first, second = self.hparams.labelled, self.hparams.labelled + self.hparams.unlabelled
        y = torch.randint(3, (second + 32,), generator=generator)
        x = torch.randn(3, self.hparams.features, generator=generator)[y]
        x = x + 0.6 * torch.randn(x.shape, generator=generator)
        self.labelled = TensorDataset(x[:first], y[:first])
        self.unlabelled = TensorDataset(x[first:second])
        self.val = TensorDataset(x[second:-16], y[second:-16])
        self.test = TensorDataset(x[-16:], y[-16:])

    def train_dataloader(self) -> dict[str, DataLoader]:
        return {
            "labelled": DataLoader(self.labelled, batch_size=self.hparams.batch_size, shuffle=True),
            "unlabelled": DataLoader(self.unlabelled, batch_size=self.hparams.batch_size, shuffle=True),
        }

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.val, batch_size=self.hparams.batch_size)

    def test_dataloader(self) -> DataLoader:
        return DataLoader(self.test, batch_size=self.hparams.batch_size)
