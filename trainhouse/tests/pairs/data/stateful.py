"""A training loader of one's own that knows its place, and a DataModule that counts what it has served."""

from collections.abc import Iterator
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset


class StatefulLoader:
    """Batches in random order. With its state loaded it continues after the last batch that it gave."""

    def __init__(self, x: Tensor, y: Tensor, batch_size: int):
        self.x, self.y, self.batch_size = x, y, batch_size
        self.order: list[int] = []
        self.cursor = 0
        self.loaded = False

    def __len__(self) -> int:
        return -(-len(self.x) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        if not self.loaded:
            self.order, self.cursor = torch.randperm(len(self.x)).tolist(), 0
        self.loaded = False
        while self.cursor < len(self.order):
            rows = self.order[self.cursor : self.cursor + self.batch_size]
            self.cursor += len(rows)
            yield self.x[rows], self.y[rows]

    def state_dict(self) -> dict[str, Any]:
        return {"order": list(self.order), "cursor": self.cursor}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.order, self.cursor = list(state_dict["order"]), state_dict["cursor"]
        # After the last batch there is nothing to continue: the next pass is a new one.
        self.loaded = self.cursor < len(self.order)


class CountingDataModule(L.LightningDataModule):
    """Noise is added to training rows, more and more of it with the number of rows served so far."""

    def __init__(self, columns: int = 6, batch_size: int = 8, noise: float = 0.5, warmup_rows: int = 200):
        super().__init__()
        self.columns, self.batch_size, self.noise, self.warmup_rows = columns, batch_size, noise, warmup_rows
        self.epochs_served = 0
        self.samples_served = 0

    def setup(self, stage: str) -> None:
        generator = torch.Generator().manual_seed(71)
        y = torch.randint(3, (108,), generator=generator)
        x = torch.randn(3, self.columns, generator=generator)[y] + 0.7 * torch.randn(
            108, self.columns, generator=generator
        )
        self.train, self.val, self.test = (x[:76], y[:76]), (x[76:92], y[76:92]), (x[92:], y[92:])

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        if not self.trainer.training:
            return batch
        x, y = batch
        strength = self.noise * min(1.0, self.samples_served / self.warmup_rows)
        self.samples_served += len(x)
        self.epochs_served = self.samples_served // len(self.train[0])
        return x + strength * torch.randn_like(x), y

    def state_dict(self) -> dict[str, int]:
        return {"epochs_served": self.epochs_served, "samples_served": self.samples_served}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        self.epochs_served, self.samples_served = state_dict["epochs_served"], state_dict["samples_served"]

    def train_dataloader(self) -> StatefulLoader:
        return StatefulLoader(*self.train, self.batch_size)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(TensorDataset(*self.val), batch_size=self.batch_size)

    def test_dataloader(self) -> DataLoader:
        return DataLoader(TensorDataset(*self.test), batch_size=self.batch_size)
