"""Common and rare classes, drawn equally often; rows to predict come from a folder of .npy files."""

from pathlib import Path

import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset, WeightedRandomSampler, random_split


class RowFiles(Dataset):
    """One row per file, with the file's name."""

    def __init__(self, folder: Path):
        self.files = sorted(folder.glob("*.npy"))
        if not self.files:
            raise FileNotFoundError(f"no .npy files in {folder}")

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, str]:
        return torch.from_numpy(np.load(self.files[index])).float(), self.files[index].name


class RareDataModule(L.LightningDataModule):
    def __init__(self, features: int = 6, batch_size: int = 8, predict_dir: str | None = None):
        super().__init__()
        self.features = features
        self.batch_size = batch_size
        self.predict_dir = predict_dir

    def setup(self, stage: str) -> None:
        rng = np.random.default_rng(31)
        y = rng.choice(3, 110, p=[0.7, 0.2, 0.1])
        x = rng.normal(size=(3, self.features))[y] + rng.normal(scale=0.7, size=(110, self.features))
        dataset = TensorDataset(torch.from_numpy(x).float(), torch.from_numpy(y))
        self.train, self.val, self.test = random_split(dataset, [70, 20, 20])

    def train_dataloader(self) -> DataLoader:
        labels = torch.stack([y for _, y in self.train])
        weights = 1.0 / torch.bincount(labels, minlength=3)[labels].float()
        return DataLoader(self.train, self.batch_size, sampler=WeightedRandomSampler(weights.tolist(), len(labels)))

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.val, self.batch_size)

    def test_dataloader(self) -> DataLoader:
        return DataLoader(self.test, self.batch_size)

    def predict_dataloader(self) -> DataLoader:
        if self.predict_dir is None:
            raise ValueError("predict_dir is not set")
        return DataLoader(RowFiles(Path(self.predict_dir)), batch_size=self.batch_size)
