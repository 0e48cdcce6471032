"""Two processes, of which one or all get a signal: both stop after the same batch, and say it once."""

import json
import os
import signal
from pathlib import Path

import pytest
from lightning.pytorch.loops.evaluation_loop import _EvaluationLoop

from trainhouse.tests.many_ranks import SHORT, Launched, two_tasks
from trainhouse.tests.pair_house import read_checkpoint
from trainhouse.tests.started import Hold
from trainhouse.training.signals import StopOnSignal

ENDLESS = (*SHORT, "trainer.max_epochs=100000", "callbacks.early_stopping=null", "hydra.run.dir=run")
SHORT_RUN = (
    *(word for word in SHORT if not word.startswith("data.batch_size=")),
    *("trainer.max_epochs=1", "data.batch_size=4", "hydra.run.dir=run"),
)


def status_of(folder: Path) -> str:
    return str(json.loads((folder / "run" / "metrics.json").read_text())["status"])


@pytest.mark.parametrize(
    ("hook", "where"),
    [("on_train_batch_end", " at epoch 1, step 1; saved"), ("on_test_batch_end", "; continue with: ")],
)
def test_a_signal_to_one_of_two_stops_both_once(hook: str, where: str, tmp_path: Path) -> None:
    with two_tasks(tmp_path, *SHORT_RUN, hold=Hold(StopOnSignal, hook)) as (first, second):
        second.wait_for_hold()
        second.send(signal.SIGTERM)
        second.let_go()
        assert (first.status(), second.status()) == (143, 143), first.stderr + second.stderr
        assert first.stderr.startswith(f"stopped by SIGTERM{where}")
        assert len(first.stderr.splitlines()) == 1
        assert (second.stdout, second.stderr) == ("", "")
    assert status_of(tmp_path) == "interrupted"


@pytest.mark.slow
def test_a_signal_to_one_of_two_is_heard_in_a_validation(tmp_path: Path) -> None:
    with two_tasks(tmp_path, *SHORT_RUN, hold=Hold(StopOnSignal, "on_validation_batch_end")) as (first, second):
        second.wait_for_hold()
        second.send(signal.SIGINT)
        second.let_go()
        assert (first.status(), second.status()) == (130, 130)
        assert "stopped by SIGINT at epoch 1, step 20; saved" in first.stderr
    assert read_checkpoint(tmp_path / "run" / "checkpoints" / "last.ckpt")["global_step"] == 20


@pytest.mark.slow
def test_one_that_is_stopped_before_they_train_stops_the_other(tmp_path: Path) -> None:
    with two_tasks(tmp_path, *SHORT_RUN, hold=Hold(_EvaluationLoop, "__init__")) as (first, second):
        second.wait_for_hold()
        second.send(signal.SIGTERM)
        assert (first.status(), second.status()) == (143, 143), first.stderr
        assert first.stderr.count("stopped by SIGTERM") == 1


@pytest.mark.slow
def test_slurm_gets_the_job_back_though_one_process_alone_has_heard(tmp_path: Path) -> None:
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "scontrol").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/scontrol\n')
    (bin_ / "scontrol").chmod(0o755)
    path = f"{bin_}:{os.environ['PATH']}"
    hold = Hold(StopOnSignal, "on_train_batch_end")
    with two_tasks(tmp_path, *SHORT_RUN, hold=hold, PATH=path) as (first, second):
        second.wait_for_hold()
        second.send(signal.SIGUSR1)
        second.let_go()
        assert (first.status(), second.status()) == (138, 138)
    assert (tmp_path / "scontrol").read_text() == "requeue 4321\n"


@pytest.mark.slow
@pytest.mark.parametrize("target", ["launcher", "last", "group"])
@pytest.mark.parametrize("launcher", ["own", "torchrun"])
def test_a_signal_to_any_of_them_saves_once(launcher: str, target: str, tmp_path: Path) -> None:
    with Launched(launcher, tmp_path, *ENDLESS) as run:
        run.wait_for("epoch 2/")
        last = run.ranks[-1]
        if target == "group":
            os.killpg(run.process.pid, signal.SIGTERM)
        else:
            os.kill(run.process.pid if target == "launcher" else last, signal.SIGTERM)
        status, said = run.status(), run.said
    line = "stopped by SIGTERM at epoch "
    assert len([one for one in said.splitlines() if one.startswith(line)]) == 1, said
    assert status == (143 if launcher == "own" else 1)  # torchrun's own
    if launcher == "torchrun" and target == "last":
        shown = said.rpartition("Root Cause")[2]
        assert f"traceback : {line}" in shown
        assert "continue with: " in shown
    assert status_of(tmp_path) == "interrupted"
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir() if "part" in path.name] == []
