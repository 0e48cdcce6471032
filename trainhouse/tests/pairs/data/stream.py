"""Rows that are simulated while they are read: an IterableDataset without a length, shared out among the workers."""

from collections.abc import Iterator

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info


class Simulation(IterableDataset):
    def __init__(self, rows: int, columns: int):
        self.rows = rows
        self.weights = torch.linspace(-1, 1, columns)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        for _ in range(first, self.rows, step):
            x = torch.randn(len(self.weights))
            yield x, torch.sin(x @ self.weights) + 0.1 * torch.randn(())


class StreamDataModule(L.LightningDataModule):
    def __init__(self, rows: int = 72, columns: int = 5, batch_size: int = 8, num_workers: int = 0):
        super().__init__()
        self.rows, self.columns, self.batch_size, self.num_workers = rows, columns, batch_size, num_workers

    def _loader(self, rows: int) -> DataLoader:
        return DataLoader(
            Simulation(rows, self.columns), batch_size=self.batch_size, num_workers=self.num_workers, pin_memory=False
        )

    def train_dataloader(self) -> DataLoader:
        return self._loader(self.rows)

    def val_dataloader(self) -> DataLoader:
        return self._loader(self.rows // 3)

    def test_dataloader(self) -> DataLoader:
        return self._loader(self.rows // 3)
