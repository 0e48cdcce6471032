"""Noisy rows whose noise comes from a generator in the dataset, moved on by every row that is read.

Nothing saves the generator's state, so the rows that an epoch gets depend on all that was read before.
"""

import lightning as L
import numpy as np
from torch.utils.data import DataLoader, Dataset


class Noisy(Dataset):
    def __init__(self, rows: np.ndarray, noise: float):
        self.rows = rows
        self.noise = noise
        self.rng = np.random.default_rng(0)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        clean = self.rows[index]
        return clean + self.noise * self.rng.normal(size=clean.shape).astype(np.float32), clean


class NoisyDataModule(L.LightningDataModule):
    def __init__(self, columns: int = 8, noise: float = 0.4, batch_size: int = 8, num_workers: int = 0):
        super().__init__()
        self.save_hyperparameters()

    def setup(self, stage: str) -> None:
        rng = np.random.default_rng(101)
        rows = (rng.normal(size=(104, 2)) @ rng.normal(size=(2, self.hparams.columns))).astype(np.float32)
        self.train, self.val, self.test = (
            Noisy(part, self.hparams.noise) for part in (rows[:72], rows[72:88], rows[88:])
        )

    def _loader(self, data: Noisy, shuffle: bool = False) -> DataLoader:
        return DataLoader(data, self.hparams.batch_size, shuffle, num_workers=self.hparams.num_workers)

    def train_dataloader(self) -> DataLoader:
        return self._loader(self.train, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return self._loader(self.val)

    def test_dataloader(self) -> DataLoader:
        return self._loader(self.test)
