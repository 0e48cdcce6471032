"""One of two processes fails, is killed or hangs: the run ends, and says which of them, where and why."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import lightning as L
import pytest
import torch

from trainhouse.tests.many_ranks import SHORT, two_tasks
from trainhouse.training.failed_ranks import _OF_OTHERS, _is_of_others, _unequal
from trainhouse.training.signals import StopOnSignal

RUN = (*SHORT, "trainer.max_epochs=2", "hydra.run.dir=run")
STEP = 3


def after_three_steps(act: Callable[[], None]) -> Callable[[], None]:
    """Return what makes a process do that then."""

    def prepare() -> None:
        original = StopOnSignal.on_train_batch_end

        def hook(self: StopOnSignal, trainer: L.Trainer, *arguments: object) -> None:
            original(self, trainer, *arguments)  # type: ignore[arg-type]
            if trainer.global_step == STEP:
                act()

        StopOnSignal.on_train_batch_end = hook  # type: ignore[assignment,method-assign]

    return prepare


def fail() -> None:
    raise ValueError("boom")


def recorded(folder: Path) -> str:
    content = json.loads((folder / "run" / "metrics.json").read_text())
    assert content["status"] == "failed"
    return str(content["error"])


def test_the_error_of_one_is_what_the_run_ends_with(tmp_path: Path) -> None:
    with two_tasks(tmp_path, *RUN, prepare=after_three_steps(fail)) as (first, second):
        assert (first.status(), second.status()) == (1, 1)
        lines = [line for line in first.stderr.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, first.stderr
        assert lines[0].startswith("error: rank 1 on ")
        assert " failed at epoch 1, step 3: ValueError: boom; continue with: " in lines[0]
        assert "gloo" not in first.stderr
        assert second.stderr.count("ValueError: boom") == 1
    assert lines[0] == f"error: {recorded(tmp_path)}"


def test_that_loaders_have_unequal_numbers_of_batches_is_said_where_all_ranks_wait() -> None:
    def at(batch: int, epoch: int = 1) -> dict[str, int]:
        return {"batch": batch, "epoch": epoch}

    assert "at batches 20 and 21: their loaders must have equally many" in _unequal(at(21), {1: at(20)})
    assert _unequal(at(21), {1: at(21)}) == _unequal(at(1), {1: at(20, epoch=0)}) == ""


def test_that_a_rank_never_came_is_no_fault_of_those_that_waited_for_it() -> None:
    with pytest.raises(torch.distributed.DistError) as raised:
        torch.distributed.init_process_group("gloo", "tcp://127.0.0.1:0", timedelta(seconds=1), world_size=2, rank=0)
    assert _is_of_others(raised.value)
    assert _OF_OTHERS.search("wait timeout after 20000ms, keys: /default_pg/0//cpu//0/0")


@pytest.mark.slow
def test_the_error_of_the_first_is_recorded_with_its_place(tmp_path: Path) -> None:
    with two_tasks(tmp_path, *RUN, first=after_three_steps(fail)) as (first, second):
        assert (first.status(), second.status()) == (1, 1)
        assert "rank 0 on " in first.stdout + first.stderr
        assert "gloo" not in second.stderr
    assert " failed at epoch 1, step 3: ValueError: boom" in recorded(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("act", "what"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "exited without an error, as if killed"),
        (lambda: time.sleep(1000), "gave no answer for rank_timeout=15 s"),
    ],
)
def test_one_that_is_killed_or_hangs_is_named(act: Callable[[], None], what: str, tmp_path: Path) -> None:
    with two_tasks(tmp_path, *RUN, "rank_timeout=15", prepare=after_three_steps(act)) as (first, second):
        assert first.status() == 1
        assert second.status() in (1, 137)
        line = f"error: rank 1 of 2 on {socket.gethostname()} {what}, in epoch 1, after step 3; continue with: "
        assert line in first.stderr
    assert what in recorded(tmp_path)
