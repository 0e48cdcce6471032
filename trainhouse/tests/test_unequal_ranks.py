"""Two ranks whose loaders give unequal numbers of batches, and what each of them does by itself."""

import json
import logging
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningDataModule
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, SequentialSampler, TensorDataset

from trainhouse.machine.ranks import settle_slurm
from trainhouse.tests.many_ranks import two_tasks
from trainhouse.tests.own import OwnModule, own_config
from trainhouse.tests.pair_house import read_checkpoint
from trainhouse.training.train import train

ROWS = torch.arange(11.0).square().repeat(2, 1).T  # one of two ranks has six of them, the other five


class Stream(IterableDataset[Tensor]):
    """The rows of one rank, or all of them for each."""

    def __init__(self, is_shared: bool) -> None:
        self.is_shared = is_shared

    def __iter__(self) -> Any:
        is_one_of_several = self.is_shared and torch.distributed.is_initialized()
        return iter(ROWS[torch.distributed.get_rank() :: 2] if is_one_of_several else ROWS)


class OwnBatches(BatchSampler):
    """A batch sampler whose length is wrong."""

    def __len__(self) -> int:
        return 100


class UnequalData(LightningDataModule):
    """The same rows one by one, by a batch sampler of its own, as a stream with shares and as one without."""

    def train_dataloader(self) -> Any:
        return DataLoader(Stream(is_shared=False), batch_size=4)

    def val_dataloader(self) -> Any:
        rows = TensorDataset(ROWS)
        return [
            DataLoader(rows, batch_size=1),
            DataLoader(rows, batch_sampler=OwnBatches(SequentialSampler(rows), 1, False)),
            DataLoader(Stream(is_shared=True), batch_size=1),
            DataLoader(Stream(is_shared=False), batch_size=1),
        ]

    def test_dataloader(self) -> Any:
        return self.val_dataloader()


class UnequalModule(OwnModule):
    """Logs the mean of the rows of each loader, and of the first one also what a rank has alone."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(2, affine=False)  # has buffers, which ranks exchange

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        return self.layer(batch / 100).square().mean()

    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        if (dataloader_idx, batch_idx, self.global_rank, os.environ.get("STOPPED_IN")) == (0, 1, 1, "validation"):
            os.kill(os.getpid(), signal.SIGTERM)
        row = batch if isinstance(batch, Tensor) else batch[0]
        stage = "test" if self.trainer.testing else "val"
        mean = row.mean() + 0 * self.norm(row).mean()
        self.log(f"{stage}/mean{dataloader_idx}", mean, sync_dist=True, add_dataloader_idx=False)
        if dataloader_idx == 0:
            self.log(f"{stage}/alone", mean, add_dataloader_idx=False)
            self.log(f"{stage}/alike", 1.5, add_dataloader_idx=False)

    def test_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self.validation_step(batch, batch_idx, dataloader_idx)


def run_in_two(cwd: Path, **more: str) -> tuple[int, str]:
    """Train on two ranks in the folder `run`; return the exit status of the first, and what was said."""
    with two_tasks(cwd, script=__file__, **more) as (first, second):
        status = first.status()
        second.status()
        return status, first.stdout + first.stderr + second.stdout + second.stderr


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="processes are ended otherwise here")
def test_a_run_whose_ranks_have_unequal_numbers_of_batches_ends_and_says_what_each_rank_does_by_itself(
    tmp_path: Path,
) -> None:
    status, said = run_in_two(tmp_path)
    assert status == 0, said
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())["metrics"]
    for stage in ("val", "test"):
        means = [metrics[f"{stage}/mean{number}"] for number in range(4)]
        assert means == pytest.approx([ROWS.mean().item()] * 4)
        assert metrics[f"{stage}/alone"] == pytest.approx(ROWS[0::2].mean().item())  # of the first rank
    warnings = [line for line in said.splitlines() if line.startswith("warning: ") and "_target_" not in line]
    assert [warning.split(" gives all ranks")[0].split(" is measured")[0] for warning in warnings] == [
        "warning: data: val_dataloader (number 3)",
        "warning: model: val/alone",
        "warning: data: train_dataloader",
        "warning: data: test_dataloader (number 3)",
        "warning: model: test/alone",
    ]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="processes are ended otherwise here")
def test_a_signal_to_one_rank_stops_both_in_a_batch_that_both_have(tmp_path: Path) -> None:
    status, said = run_in_two(tmp_path, STOPPED_IN="validation")
    assert status != 0
    assert "stopped by SIGTERM at epoch 1, step 3; saved" in said, said
    assert read_checkpoint(tmp_path / "run" / "checkpoints" / "last.ckpt")["global_step"] == 3


if __name__ == "__main__":
    from trainhouse.tests import test_unequal_ranks as own  # where a resume finds the classes too

    settle_slurm()  # as a script does
    logging.getLogger().handlers.clear()  # those of the test that this process was forked from
    processes = ("trainer.devices=2", "trainer.strategy=ddp")
    train(own_config(own.UnequalModule, own.UnequalData, *processes), Path("run"))
