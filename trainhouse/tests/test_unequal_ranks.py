"""Two ranks whose loaders give unequal numbers of batches: nothing they do together may wait for the other one's."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningDataModule
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, SequentialSampler, TensorDataset

from trainhouse.tests.conftest import ROOT
from trainhouse.tests.own import OwnModule, own_config
from trainhouse.training.run import train

ROWS = 11


class Stream(IterableDataset[Tensor]):
    """Each rank's own rows, of which the first has one more."""

    def __iter__(self) -> Any:
        rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
        return iter(torch.arange(float(ROWS)).repeat(2, 1).T[rank::2])


class UnequalData(LightningDataModule):
    """Eleven rows one by one, by a batch sampler of its own, and as a stream: six for one rank, five for the other."""

    def train_dataloader(self) -> Any:
        return DataLoader(TensorDataset(torch.ones(8, 2)), batch_size=2)

    def val_dataloader(self) -> Any:
        rows = TensorDataset(torch.arange(float(ROWS)).repeat(2, 1).T)
        return [
            DataLoader(rows, batch_size=1),
            DataLoader(rows, batch_sampler=OwnBatches(SequentialSampler(rows), 1, False)),
            DataLoader(Stream(), batch_size=1),
        ]

    def test_dataloader(self) -> Any:
        return self.val_dataloader()


class OwnBatches(BatchSampler):
    """A batch sampler whose length is wrong."""

    def __len__(self) -> int:
        return 100


class UnequalModule(OwnModule):
    """Logs the mean of the rows of each loader."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(2, affine=False)  # has buffers, which ranks exchange

    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        row = batch if isinstance(batch, Tensor) else batch[0]
        self.log(f"val/mean{dataloader_idx}", self.norm(row).mean() * 0 + row.mean(), sync_dist=True, **PLAIN)

    def test_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        row = batch if isinstance(batch, Tensor) else batch[0]
        self.log(f"test/mean{dataloader_idx}", row.mean(), sync_dist=True, **PLAIN)


PLAIN: dict[str, Any] = {"add_dataloader_idx": False}


def test_a_run_whose_ranks_have_unequal_numbers_of_batches_comes_to_its_end(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, __file__, str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, env=env, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())["metrics"]
    for name in ("val/mean0", "val/mean1", "val/mean2", "test/mean0", "test/mean1", "test/mean2"):
        assert metrics[name] == pytest.approx(5.0), name


if __name__ == "__main__":
    processes = ("trainer.devices=2", "trainer.strategy=ddp")
    train(own_config(UnequalModule, UnequalData, *processes), Path(sys.argv[1]))
