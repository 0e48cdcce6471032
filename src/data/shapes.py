"""Noisy images of discs and squares, each with a mask that has the class of every pixel."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset, random_split

Item = dict[str, Tensor]


class Drawings(Dataset[Item]):
    """`rows` images (1, size, size), with masks (size, size): 0 is the background, 1 a disc, 2 a square.

    A disc and a square of about the same area, at random places; where they overlap, the square is in front.
    """

    def __init__(self, rows: int, size: int, noise: float, seed: int) -> None:
        random = np.random.default_rng(seed)
        down, right = np.mgrid[:size, :size]
        self.images = torch.empty(rows, 1, size, size)
        self.masks = torch.zeros(rows, size, size, dtype=torch.long)
        for image, mask in zip(self.images, self.masks, strict=True):
            distances = []
            for _ in range(2):
                y, x = random.uniform(0.2 * size, 0.8 * size, 2)
                distances.append((np.abs(down - y), np.abs(right - x), random.uniform(0.15 * size, 0.25 * size)))
            (disc_down, disc_right, radius), (square_down, square_right, half) = distances
            mask[torch.from_numpy(np.hypot(disc_down, disc_right) < radius)] = 1
            mask[torch.from_numpy(np.maximum(square_down, square_right) < 0.89 * half)] = 2
            # Both have the same brightness: only their outlines tell them apart.
            drawing = (mask > 0).numpy() + noise * random.standard_normal((size, size))
            image[0] = torch.from_numpy(drawing)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Item:
        return {"image": self.images[index], "mask": self.masks[index]}


class Flipped(Dataset[Item]):
    """Items of another data set, each flipped at random, or not, along both axes: the image and its mask together."""

    def __init__(self, items: Subset[Item]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Item:
        item = self.items[index]
        # From torch, whose seed Lightning sets: one from numpy would give each worker of a DataLoader the same draws.
        axes = [axis for axis in (-2, -1) if torch.rand(()) < 0.5]
        return {name: values.flip(axes) for name, values in item.items()}


class Folder(Dataset[dict[str, Tensor | str]]):
    """The `.npy` images of a folder, each (size, size) or (1, size, size), in the order of their names."""

    def __init__(self, folder: str) -> None:
        """Raises `ValueError` if the folder has none."""
        self.files = sorted(Path(folder).glob("*.npy"))
        if not self.files:
            raise ValueError(f"predict_dir: expected a folder of .npy files, but {folder} has none")

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> dict[str, Tensor | str]:
        image = torch.from_numpy(np.load(self.files[index], allow_pickle=False)).float()
        return {"image": image.reshape(1, *image.shape[-2:]), "file": self.files[index].name}


class Shapes(LightningDataModule):
    """Batches are mappings: `image` (B, 1, size, size) and `mask` (B, size, size); to predict, `image` and `file`."""

    def __init__(
        self,
        rows: int,
        size: int,
        noise: float,
        split: tuple[float, float, float],
        split_seed: int,
        predict_dir: str | None,
        batch_size: int,
        num_workers: int,
        data_seed: int,
    ) -> None:
        """`noise` is the standard deviation of a pixel, where a shape is 1 and the background 0."""
        super().__init__()
        self.rows = rows
        self.size = size
        self.noise = noise
        self.split = split
        self.split_seed = split_seed
        self.predict_dir = predict_dir
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.data_seed = data_seed

    def setup(self, stage: str) -> None:
        """Draw the images and split them: the same ones each time. To predict, read the names in `predict_dir`."""
        if stage == "predict":
            if self.predict_dir is None:
                raise ValueError("predict_dir: expected a folder of .npy images, got none")
            self.folder = Folder(self.predict_dir)
            return
        drawings = Drawings(self.rows, self.size, self.noise, self.data_seed)
        # A generator of its own: runs with different seeds are tested on the same images.
        generator = torch.Generator().manual_seed(self.split_seed)
        train, self.val, self.test = random_split(drawings, list(self.split), generator)
        self.train = Flipped(train)

    def facts(self) -> dict[str, int]:
        """What the network is built from."""
        return {"in_channels": 1, "classes": 3}

    def train_dataloader(self) -> DataLoader[Item]:
        """Serve the training images, flipped at random, in a new order each epoch."""
        return self._loader(self.train, shuffle=True)

    def val_dataloader(self) -> DataLoader[Item]:
        """Serve the validation images, never flipped."""
        return self._loader(self.val)

    def test_dataloader(self) -> DataLoader[Item]:
        """Serve the test images, never flipped."""
        return self._loader(self.test)

    def predict_dataloader(self) -> DataLoader[Any]:
        """Serve the images in `predict_dir`, which must have one size, or `batch_size` be 1."""
        return self._loader(self.folder)

    def _loader(self, items: Dataset[Any], shuffle: bool = False) -> DataLoader[Any]:
        # By name: Lightning builds a loader again to predict or for several processes, and fails on `items, 32`.
        return DataLoader(items, batch_size=self.batch_size, shuffle=shuffle, num_workers=self.num_workers)
