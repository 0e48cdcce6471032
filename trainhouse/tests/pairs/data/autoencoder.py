"""Noisy sine curves. A batch is one tensor, without targets."""

import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset


class Curves(Dataset):
    def __init__(self, curves: np.ndarray):
        self.curves = torch.from_numpy(curves)

    def __len__(self) -> int:
        return len(self.curves)

    def __getitem__(self, index: int) -> Tensor:
        return self.curves[index]


class CurvesDataModule(L.LightningDataModule):
    def __init__(self, points: int = 16, batch_size: int = 8, num_workers: int = 0):
        super().__init__()
        self.points = points
        self.batch_size = batch_size
        self.num_workers = num_workers

    def setup(self, stage: str) -> None:
        rng = np.random.default_rng(0)
        phase, frequency = rng.uniform(0, 6, (104, 1)), rng.uniform(0.5, 2, (104, 1))
        curves = np.sin(phase + frequency * np.linspace(0, 6, self.points)) + 0.1 * rng.normal(size=(104, self.points))
        curves = curves.astype(np.float32)
        self.train, self.val, self.test = Curves(curves[:68]), Curves(curves[68:84]), Curves(curves[84:])

    def _loader(self, data: Curves, shuffle: bool = False) -> DataLoader:
        return DataLoader(data, batch_size=self.batch_size, shuffle=shuffle, num_workers=self.num_workers)

    def train_dataloader(self) -> DataLoader:
        return self._loader(self.train, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return self._loader(self.val)

    def test_dataloader(self) -> DataLoader:
        return self._loader(self.test)
