"""Windows of random walks with a season. A batch is a dictionary with the name of each row's series in it."""

import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset


class Windows(Dataset):
    def __init__(self, series: dict[str, np.ndarray], history: int, horizon: int, stride: int = 2):
        self.history = history
        self.rows = [
            (name, torch.from_numpy(values[start : start + history + horizon]))
            for name, values in series.items()
            for start in range(0, len(values) - history - horizon + 1, stride)
        ]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Tensor | str]:
        name, values = self.rows[index]
        return {"series": name, "history": values[: self.history], "future": values[self.history :]}


class SeriesDataModule(L.LightningDataModule):
    def __init__(self, history: int = 12, horizon: int = 3, batch_size: int = 8, num_workers: int = 0):
        super().__init__()
        self.save_hyperparameters()

    def setup(self, stage: str) -> None:
        rng = np.random.default_rng(9)
        season = np.sin(np.arange(80) * 2 * np.pi / 12)
        names = ("ash", "elm", "fir", "oak")
        series = {name: (season + 0.1 * rng.normal(size=80).cumsum()).astype(np.float32) for name in names}
        unknown = series.pop("oak")
        shape = (self.hparams.history, self.hparams.horizon)
        self.train = Windows({name: values[:50] for name, values in series.items()}, *shape)
        self.val_known = Windows({name: values[40:65] for name, values in series.items()}, *shape)
        self.val_unknown = Windows({"oak": unknown[:40]}, *shape)
        self.test = Windows({name: values[55:] for name, values in series.items()}, *shape)

    def _loader(self, data: Windows, shuffle: bool = False) -> DataLoader:
        return DataLoader(
            data, batch_size=self.hparams.batch_size, shuffle=shuffle, num_workers=self.hparams.num_workers
        )

    def train_dataloader(self) -> DataLoader:
        return self._loader(self.train, shuffle=True)

    def val_dataloader(self) -> list[DataLoader]:
        return [self._loader(self.val_known), self._loader(self.val_unknown)]

    def test_dataloader(self) -> DataLoader:
        return self._loader(self.test)

    def predict_dataloader(self) -> DataLoader:
        return self._loader(self.test)
