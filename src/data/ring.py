"""Points on a ring of clusters: the smallest data on which a generator can succeed, blur or collapse."""

import math
from typing import Any

import torch
from lightning import LightningDataModule
from torch.utils.data import DataLoader, TensorDataset


class Ring(LightningDataModule):
    """Points (x, y) around `clusters` centres, which stand evenly on the circle of radius 1.

    A batch is a list of one tensor (B, 2). There is no validation: nothing tells a generator's best epoch. To predict,
    `samples` numbers are served, one for each point to generate.
    """

    def __init__(
        self, clusters: int, spread: float, rows: int, samples: int, batch_size: int, num_workers: int, data_seed: int
    ) -> None:
        """`spread` is the standard deviation of each coordinate around its centre."""
        super().__init__()
        self.clusters = clusters
        self.spread = spread
        self.rows = rows
        self.samples = samples
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.data_seed = data_seed

    def setup(self, stage: str) -> None:
        """Generate the points, the same ones each time."""
        # A generator of their own: the seed of a run has no influence on its data.
        generator = torch.Generator().manual_seed(self.data_seed)
        cluster = torch.randint(self.clusters, (self.rows,), generator=generator)
        angle = 2 * math.pi * cluster / self.clusters
        noise = torch.randn(self.rows, 2, generator=generator)
        self.points = torch.stack([angle.cos(), angle.sin()], dim=1) + self.spread * noise

    def facts(self) -> dict[str, int]:
        """What the networks are built from."""
        return {"dimensions": 2}

    def train_dataloader(self) -> DataLoader[Any]:
        """Shuffled batches, all of the same size: a short one would make a noisier step."""
        return DataLoader(
            TensorDataset(self.points),
            batch_size=self.batch_size,
            num_workers=self.num_workers,
            shuffle=True,
            drop_last=True,
        )

    def predict_dataloader(self) -> DataLoader[Any]:
        """Batches of the numbers from 0 to `samples` - 1, as many as points to generate."""
        return DataLoader(range(self.samples), batch_size=self.batch_size)  # type: ignore[arg-type]
