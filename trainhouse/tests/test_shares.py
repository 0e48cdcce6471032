"""Evaluation on several ranks: every row once, whatever the loader."""

from itertools import product
from pathlib import Path

import pytest
import torch
from lightning.fabric.utilities.distributed import DistributedSamplerWrapper
from torch.utils.data import BatchSampler, DataLoader, DistributedSampler, SubsetRandomSampler, TensorDataset

from trainhouse.configuration.errors import UserError
from trainhouse.resuming.shares import without_repeats
from trainhouse.tests.many_ranks import two_tasks


class Pairs(BatchSampler):
    """A batch sampler of a user's own."""


def loaders(rows: int, ranks: int, batch_size: int | None, kind: str = "plain") -> list[DataLoader]:
    """Return each rank's loader, shared out by Lightning's samplers."""
    data = TensorDataset(torch.arange(rows))
    made = []
    for rank in range(ranks):
        sampler: DistributedSampler = DistributedSampler(data, ranks, rank, shuffle=False)  # type: ignore[type-arg]
        if kind == "wrapped":
            sampler = DistributedSamplerWrapper(SubsetRandomSampler(range(rows)), num_replicas=ranks, rank=rank)
        if kind == "own batches":
            loader = DataLoader(data, batch_sampler=Pairs(sampler, batch_size or 1, drop_last=False))
        else:
            loader = DataLoader(data, batch_size, sampler=sampler, drop_last=kind == "drop last")
        made.append(without_repeats(loader, "val_dataloader"))
    return made


def numbers(loader: DataLoader) -> list[list[int]]:
    torch.manual_seed(0)  # as the loops seed an order, on every rank
    return [batch[0].reshape(-1).tolist() for batch in loader]


@pytest.mark.parametrize("kind", ["plain", "wrapped", "own batches"])
@pytest.mark.parametrize("batch_size", [1, 2, 3, None])
def test_each_row_is_evaluated_once(kind: str, batch_size: int | None) -> None:
    for rows, ranks in product(range(1, 14), range(1, 5)):
        if rows < ranks:
            continue
        made = loaders(rows, ranks, batch_size, kind)
        shares = [numbers(loader) for loader in made]
        assert sorted(row for share in shares for batch in share for row in batch) == list(range(rows))
        counts = [len(share) for share in shares]
        assert counts == [len(loader) for loader in made]
        assert min(counts) > 0
        assert max(counts) - min(counts) <= 1
        assert max(len(batch) for share in shares for batch in share) <= (batch_size or 1)


@pytest.mark.parametrize(("batch_size", "kind"), [(2, "plain"), (3, "plain"), (1, "drop last"), (3, "drop last")])
def test_ranks_have_equally_many_batches_where_each_can_have_a_row(batch_size: int, kind: str) -> None:
    for rows, ranks in product(range(4, 14), range(1, 5)):
        counts = {len(numbers(loader)) for loader in loaders(rows, ranks, batch_size, kind)}
        assert len(counts) == 1


def test_incomplete_batches_are_dropped_on_demand() -> None:
    for rows, ranks in product(range(4, 14), range(1, 5)):
        batches = [batch for loader in loaders(rows, ranks, 3, "drop last") for batch in numbers(loader)]
        seen = [row for batch in batches for row in batch]
        assert all(len(batch) == 3 for batch in batches)
        assert len(seen) == len(set(seen)) == rows // ranks // 3 * 3 * ranks


def test_fewer_rows_than_ranks_are_refused() -> None:
    with pytest.raises(UserError, match=r"val_dataloader has fewer rows \(2\) than there are ranks \(3\)"):
        loaders(2, 3, 4)


def test_loaders_that_nobody_has_shared_out_are_left_alone() -> None:
    data = TensorDataset(torch.arange(5))
    for loader in (DataLoader(data, 2), DataLoader(data, batch_size=None), [1, 2, 3]):
        assert without_repeats(loader, "val_dataloader") is loader


SCRIPT = """
import sys
import lightning as L
import torch
from torch.utils.data import DataLoader, TensorDataset
from trainhouse.machine.ranks import settle_slurm
from trainhouse.resuming.exact_data import ExactData

class Data(L.LightningDataModule):
    def test_dataloader(self):
        return DataLoader(TensorDataset(torch.arange(5.0)[:, None]), batch_size=1)

class Module(L.LightningModule):
    on_step = False
    def test_step(self, batch, number):
        name = "each" if self.on_step else "row"
        self.log(name, batch[0].mean(), sync_dist=True, on_step=self.on_step, on_epoch=True)

settle_slurm()
trainer = L.Trainer(accelerator="cpu", devices=2, strategy="ddp", logger=False, enable_progress_bar=False)
ExactData(trainer, 0)
module = Module()
metrics = trainer.test(module, Data(), verbose=False)
print("mean", metrics[0]["row"], flush=True)
module.on_step = True
trainer.test(module, Data(), verbose=False)
"""


def test_a_mean_over_ranks_is_exact_and_a_rank_that_would_wait_for_ever_says_so(tmp_path: Path) -> None:
    script = tmp_path / "evaluate.py"
    script.write_text(SCRIPT)
    with two_tasks(tmp_path, script=str(script)) as (first, second):
        for one in (first, second):
            assert one.status() == 1
            assert one.stdout.split("mean ")[1].split()[0] == "2.0", one.stdout + one.stderr
            assert "model: logs each with on_step=True and sync_dist=True" in one.stderr
