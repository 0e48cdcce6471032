"""A run that is resumed by another number of processes than it had."""

import json
import os
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from trainhouse.arrays.batches import Batches, Cursor
from trainhouse.arrays.spec import Rows
from trainhouse.configuration.errors import UserError
from trainhouse.resuming.other_ranks import change_of_ranks
from trainhouse.runs import rendezvous
from trainhouse.tests.common import composed, read_history, run_script
from trainhouse.tests.many_ranks import SHORT, Launched, two_tasks
from trainhouse.tests.pair_house import pair_config, read_checkpoint
from trainhouse.tests.test_exact_resume import configuration
from trainhouse.tests.tiny import CLASSES, tiny_data
from trainhouse.training.same_step import with_same_step
from trainhouse.training.train import train

RUN = (*SHORT, "data.rows=203", "trainer.max_epochs=2", "model.dropout=0", "callbacks.early_stopping=null")
EACH_STEP = (
    "+callbacks.steps._target_=lightning.pytorch.callbacks.ModelCheckpoint",
    "+callbacks.steps.every_n_train_steps=1",
    "+callbacks.steps.save_top_k=-1",
    "+callbacks.steps.filename='step_{step}'",
    "+callbacks.steps.auto_insert_metric_name=false",
)


def steps(ranks: int, rows: int, of_step: int, kept: int | None = None) -> list[list[int]]:
    """Return the rows of each step of an epoch of array data, and `kept`, of how many rows there are to be."""
    x = np.arange(float(rows))[:, None]
    shares = []
    for rank in range(ranks):
        cursor = Cursor(epoch=2, rows=kept)
        shares.append(Batches(Rows(x, np.zeros(rows)), None, of_step // ranks, 0, cursor, rank, ranks))
    assert len({len(share) for share in shares}) == 1
    return [sorted(int(row) for one in batches for row in one[0]) for batches in zip(*shares, strict=True)]


def trained_rows(ranks: int, rows: int, of_step: int) -> int:
    return Batches(Rows(np.zeros((rows, 1)), np.zeros(rows)), None, of_step // ranks, 0, world_size=ranks).trained_rows


@pytest.mark.parametrize(("then", "now"), [(2, 1), (1, 2), (2, 3), (4, 2), (3, 6)])
def test_a_step_has_the_rows_that_other_ranks_would_have_taken(then: int, now: int) -> None:
    for rows in range(60, 74):
        before = steps(then, rows, 12)
        kept = trained_rows(then, rows, 12)
        assert kept == sum(map(len, before))
        after = steps(now, rows, 12, kept)
        whole = kept // 12
        assert after[:whole] == before[:whole]
        if then > now and then % now == 0:
            assert after == before
        seen = [row for step in after for row in step]
        assert len(seen) == len({*seen})


def noted(folder: Path, ranks: int | None, batch_size: int = 16) -> Path:
    """Write what of a checkpoint is asked."""
    path = folder / "noted.ckpt"
    position = {"epoch": 0, "batch": 1, **({"ranks": ranks} if ranks else {})}
    data = {"batch_size": batch_size}
    torch.save({"callbacks": {"ExactResume": position}, "project": {"format": 1, "config": {"data": data}}}, path)
    return path


def test_batches_grow_and_shrink_with_the_number_of_processes(tmp_path: Path) -> None:
    saved = composed("trainer=cpu", "trainer.devices=2", "data.batch_size=16", "threads=2")
    checkpoint = noted(tmp_path, 2)
    for devices, size in ((1, 32), (2, 16), (4, 8), ([0, 1, 2, 3], 8), ("auto", 32)):
        new = saved.with_values({"trainer.devices": devices})
        for of_run in (checkpoint, None):  # it may have none yet
            settings, said = with_same_step(new, saved, of_run, [])
            assert settings.data.batch_size == size
            assert bool(said) is (size != 16)
    assert with_same_step(saved.with_values({"trainer.devices": 1}), saved, checkpoint, [])[0].threads is None
    assert with_same_step(saved.with_values({"trainer.devices": 1}), saved, checkpoint, ["threads"])[0].threads == 2


def test_what_others_left_that_were_stopped_before_they_saved_is_taken_back(tmp_path: Path) -> None:
    left = composed("trainer=cpu", "trainer.devices=2", "data.batch_size=8", "threads=1")
    settings, said = with_same_step(left.with_values({"trainer.devices": 1}), left, noted(tmp_path, 1), [])
    assert (settings.data.batch_size, settings.threads) == (16, 1)
    assert said == "data.batch_size is 16 in place of 8, so a step has 16 rows as before"


def test_processes_that_can_not_be_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = composed("trainer=cpu", "trainer.devices=2", "data.batch_size=16")
    three = saved.with_values({"trainer.devices": 3})
    with pytest.raises(UserError, match=r"^trainer\.devices: 3 processes can't share out .* with one of 1, 2, 4$"):
        with_same_step(three, saved, noted(tmp_path, 2), [])
    with pytest.raises(UserError, match=r"of a version that did not note its processes; .* as many as it had, 2$"):
        with_same_step(three, saved, noted(tmp_path, None), [])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    eight = saved.with_values({"trainer.devices": 8, "trainer.accelerator": "gpu"})
    with pytest.raises(UserError, match=r"^trainer\.devices: the run has 8, .* has 3; .* with trainer\.devices=2$"):
        with_same_step(eight, eight, noted(tmp_path, 8), [])


def as_of(moment: Path, ranks: int) -> None:
    """Have a checkpoint say that it is of so many ranks, whose loaders were of a kind that nobody knows."""
    content = read_checkpoint(moment)
    for loader in content["callbacks"]["ExactResume"].get("data", {}).get("train", {}).get("loaders", []):
        loader["step"] = (None, "")
    content["callbacks"]["ExactResume"]["ranks"] = ranks
    torch.save(content, moment)


@pytest.mark.parametrize(
    "name", ["blocks", "no validation", "discs", "stream", pytest.param("two_loaders", marks=pytest.mark.slow)]
)
def test_an_epoch_whose_other_rows_nobody_knows_ends_there(name: str, tmp_path: Path) -> None:
    if name in ("blocks", "no validation"):
        without = ["trainer.limit_val_batches=0", "monitor=train/loss"] if name == "no validation" else []
        config = configuration(tmp_path, "data.shuffle=blocks", "data.block_rows=4", *without)
    else:
        keep = {"callbacks.keep": {"_target_": "trainhouse.tests.kept.KeepAll"}, "preflight": False}
        config = pair_config(name, tmp_path).with_values(keep)
    train(config, tmp_path / "whole")
    moment = sorted((tmp_path / "whole" / "kept").glob("*_batch_start.ckpt"))[1]  # after one batch of the second epoch
    as_of(moment, 2)
    folder = tmp_path / "resumed"
    shutil.copytree(tmp_path / "whole" / "logs", folder / "logs")
    train(config.with_values({"callbacks.keep": None}), folder, resume_from=moment)
    content = json.loads((folder / "metrics.json").read_text())
    assert content["exact"] is False
    assert "had 2 processes and goes on with 1 from epoch 2, batch 1 on; the rest of" in content["not_exact"][0]
    whole, resumed = (read_history(at / "logs" / "metrics.csv") for at in (tmp_path / "whole", folder))
    assert resumed[0] == whole[0]
    assert [row["epoch"] for row in resumed] == [1, 2, 3]
    of_epoch = whole[2]["step"] - whole[1]["step"]
    assert resumed[1]["step"] - resumed[0]["step"] == 1  # the batch that was done
    assert resumed[2]["step"] - resumed[1]["step"] == of_epoch
    assert [{*row} for row in resumed] == [{*row} for row in whole]  # it was validated
    if name == "discs":  # whose schedule steps at the end of an epoch
        assert [row["lr"] for row in resumed] == [row["lr"] for row in whole]
        assert len({row["lr"] for row in whole}) == 3


@pytest.mark.parametrize(
    ("rows", "said"), [(60, "equal up to rounding"), (50, "2 of the 30 rows of an epoch are left")]
)
def test_rows_that_other_ranks_leave_out_are_said(rows: int, said: str) -> None:
    data: Any = tiny_data(CLASSES, rows=rows, batch_size=2)  # of 36 and of 30 rows for training
    trainer: Any = SimpleNamespace(world_size=2, global_rank=0, overfit_batches=0, datamodule=data)
    data.trainer, data.cursor.rows = trainer, rows * 6 // 10
    saved = {"ranks": 1, "epoch": 0, "batch": 3, "rows": data.cursor.rows}
    change = change_of_ranks(saved, trainer)
    assert change is not None
    assert said in change.reason
    assert change_of_ranks({**saved, "ranks": 2}, trainer) is None


def stopped(whole: Path, step: int, folder: Path) -> Path:
    """Return a run as it would have been if it was killed after a step of another one."""
    (folder / "checkpoints").mkdir(parents=True)
    shutil.copy(whole / "checkpoints" / f"step_{step}.ckpt", folder / "checkpoints" / "last.ckpt")
    shutil.copytree(whole / "logs", folder / "logs")
    shutil.copy(whole / "config.yaml", folder)
    return folder


def far_from(whole: Path, folder: Path) -> float:
    """Return by how much the weights of two runs differ, which have taken as many steps."""
    one, other = (read_checkpoint(run / "checkpoints" / "last.ckpt") for run in (whole, folder))
    assert one["global_step"] == other["global_step"]
    numbers = [name for name, value in one["state_dict"].items() if value.numel()]
    return max(float((one["state_dict"][name] - other["state_dict"][name]).abs().max()) for name in numbers)


def test_a_run_of_two_goes_on_with_one_and_with_two_again(tmp_path: Path) -> None:
    with two_tasks(tmp_path, *RUN, *EACH_STEP, "hydra.run.dir=whole") as (first, second):
        assert (first.status(), second.status()) == (0, 0), first.stderr
    folder = stopped(tmp_path / "whole", 3, tmp_path / "other")  # of five batches in an epoch
    done = run_script("train.py", "resume=other", "trainer.devices=1", "trainer.max_epochs=1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (
        "1 process in place of 2: data.batch_size is 32 in place of 16, so a step has 32 rows as before" in done.stdout
    )
    config = (folder / "config.yaml").read_text()
    assert "devices: 1\n" in config
    assert "batch_size: 32\n" in config
    with two_tasks(tmp_path, "resume=other", "trainer.max_epochs=2") as (first, second):
        assert (first.status(), second.status()) == (0, 0), first.stderr
    assert far_from(tmp_path / "whole", folder) < 1e-6
    content = json.loads((folder / "metrics.json").read_text())
    assert content["exact"] is False
    assert sorted(line.partition(" from ")[0] for line in content["not_exact"]) == [
        "it had 1 process and goes on with 2",
        "it had 2 processes and goes on with 1",
    ]
    epochs = [read_history(run / "logs" / "metrics.csv") for run in (tmp_path / "whole", folder)]
    for row, other in zip(*epochs, strict=True):
        assert row["train_rows"] == 160  # of 162, of which no rank trains on a batch of one
        for name in ("train/loss", "train/acc", "val/loss", "val/acc", "train_rows"):
            assert other[name] == pytest.approx(row[name], rel=1e-5)


def test_what_torchrun_starts_again_takes_the_run_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = TCPStore("127.0.0.1", 0, is_master=True)
    for name, value in {
        "TORCHELASTIC_RUN_ID": "job",
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(store.port),
    }.items():
        monkeypatch.setenv(name, value)
    rendezvous._of_all_starts.cache_clear()
    try:
        assert rendezvous.remembered_run() is None
        rendezvous.remember_run(tmp_path)
        assert rendezvous.remembered_run() is None  # it has not begun
        (tmp_path / "config.yaml").touch()
        monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
        assert rendezvous.remembered_run() == str(tmp_path)
    finally:
        rendezvous._of_all_starts.cache_clear()


@pytest.mark.slow
def test_torchrun_restarts_the_same_run(tmp_path: Path) -> None:
    one_more = ("--max-restarts=1",)
    with Launched("torchrun", tmp_path, *RUN, "outputs=runs", "trainer.max_epochs=40", options=one_more) as run:
        run.wait_for("epoch 3/")
        os.kill(run.ranks[-1], signal.SIGKILL)
        assert run.status(120) == 0, run.said
        assert "resume  from runs/" in run.said
    (metrics,) = (tmp_path / "runs").rglob("metrics.json")
    content = json.loads(metrics.read_text())
    assert content["status"] == "completed"
    assert content["exact"] is True
    assert len(read_history(metrics.parent / "logs" / "metrics.csv")) == content["epochs"] == 40
