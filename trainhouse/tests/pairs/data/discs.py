"""Bright discs on noise, with their masks. Training images are flipped and darkened by `random` and numpy."""

import random

import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset


class Discs(Dataset):
    def __init__(self, count: int, size: int, seed: int, augment: bool):
        rng = np.random.default_rng(seed)
        centre, radius = rng.uniform(3, size - 3, (count, 2, 1, 1)), rng.uniform(2, size / 3, (count, 1, 1))
        rows, columns = np.mgrid[:size, :size]
        self.masks = (rows - centre[:, 0]) ** 2 + (columns - centre[:, 1]) ** 2 < radius**2
        self.images = (self.masks + 0.5 * rng.normal(size=self.masks.shape)).astype(np.float32)
        self.augment = augment

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image, mask = self.images[index], self.masks[index]
        if self.augment:
            if random.random() < 0.5:
                image, mask = image[:, ::-1], mask[:, ::-1]
            if np.random.rand() < 0.5:
                image, mask = image[::-1], mask[::-1]
            image = image * np.float32(np.random.uniform(0.8, 1.2))
        return torch.from_numpy(image.copy())[None], torch.from_numpy(mask.astype(np.int64))


class DiscsDataModule(L.LightningDataModule):
    def __init__(self, size: int = 12, batch_size: int = 8, num_workers: int = 0):
        super().__init__()
        self.save_hyperparameters()

    def setup(self, stage: str | None = None) -> None:
        if stage in ("fit", None):
            self.train = Discs(60, self.hparams.size, seed=1, augment=True)
        if stage in ("fit", "validate", None):
            self.val = Discs(16, self.hparams.size, seed=2, augment=False)
        if stage in ("test", None):
            self.test = Discs(16, self.hparams.size, seed=3, augment=False)

    def _loader(self, dataset: Discs, shuffle: bool) -> DataLoader:
        return DataLoader(
            dataset, batch_size=self.hparams.batch_size, shuffle=shuffle, num_workers=self.hparams.num_workers
        )

    def train_dataloader(self) -> DataLoader:
        return self._loader(self.train, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return self._loader(self.val, shuffle=False)

    def test_dataloader(self) -> DataLoader:
        return self._loader(self.test, shuffle=False)
