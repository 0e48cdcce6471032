"""The shape that the most used template gives a LightningDataModule, on small images that `prepare_data` writes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import ConcatDataset, DataLoader, Dataset, random_split


class TinyDigits(Dataset):
    """Images [1, 8, 8] in 0 to 1, and their class, one of ten."""

    def __init__(self, root: str, train: bool, download: bool = False):
        file = Path(root) / "TinyDigits" / ("train.npz" if train else "test.npz")
        if download and not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            rng = np.random.default_rng(50)
            prototypes = rng.random((10, 8, 8)) > 0.5
            rng = np.random.default_rng(51 if train else 52)
            labels = rng.integers(0, 10, 90 if train else 30)
            flipped = rng.random((len(labels), 8, 8)) < 0.1
            np.savez(file, images=prototypes[labels] ^ flipped, labels=labels)
        with np.load(file) as arrays:
            self.images, self.labels = arrays["images"], arrays["labels"]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return torch.from_numpy(self.images[index]).float()[None], int(self.labels[index])


class TinyDigitsDataModule(LightningDataModule):
    def __init__(
        self,
        data_dir: str = "data/",
        train_val_test_split: Sequence[int] = (80, 20, 20),
        batch_size: int = 8,
        num_workers: int = 0,
        pin_memory: bool = False,
    ):
        super().__init__()
        self.save_hyperparameters(logger=False)
        self.data_train: Dataset | None = None
        self.data_val: Dataset | None = None
        self.data_test: Dataset | None = None
        self.batch_size_per_device = batch_size

    @property
    def num_classes(self) -> int:
        return 10

    def prepare_data(self) -> None:
        TinyDigits(self.hparams.data_dir, train=True, download=True)
        TinyDigits(self.hparams.data_dir, train=False, download=True)

    def setup(self, stage: str | None = None) -> None:
        if self.trainer is not None:
            if self.hparams.batch_size % self.trainer.world_size != 0:
                raise RuntimeError(
                    f"batch_size ({self.hparams.batch_size}) can't be divided by {self.trainer.world_size} devices"
                )
            self.batch_size_per_device = self.hparams.batch_size // self.trainer.world_size
        if not self.data_train and not self.data_val and not self.data_test:
            dataset = ConcatDataset([TinyDigits(self.hparams.data_dir, train=train) for train in (True, False)])
            self.data_train, self.data_val, self.data_test = random_split(
                dataset, self.hparams.train_val_test_split, generator=torch.Generator().manual_seed(42)
            )

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(
            dataset=self.data_train,
            batch_size=self.batch_size_per_device,
            num_workers=self.hparams.num_workers,
            pin_memory=self.hparams.pin_memory,
            shuffle=True,
        )

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(
            dataset=self.data_val,
            batch_size=self.batch_size_per_device,
            num_workers=self.hparams.num_workers,
            pin_memory=self.hparams.pin_memory,
            shuffle=False,
        )

    def test_dataloader(self) -> DataLoader[Any]:
        return DataLoader(
            dataset=self.data_test,
            batch_size=self.batch_size_per_device,
            num_workers=self.hparams.num_workers,
            pin_memory=self.hparams.pin_memory,
            shuffle=False,
        )

    def teardown(self, stage: str | None = None) -> None:
        pass

    def state_dict(self) -> dict[Any, Any]:
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        pass
