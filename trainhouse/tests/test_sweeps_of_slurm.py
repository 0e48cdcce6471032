"""A sweep on a stand-in for a SLURM cluster: queued, taken off a machine, back in the queue, resumed in its folder."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trainhouse.tests import slurm
from trainhouse.tests.common import run_script
from trainhouse.tests.started import Started

pytestmark = pytest.mark.slow
TINY = ("trainer=cpu", "data.path=rows.npy", "data.rows=400", "data.batch_size=16", "callbacks.early_stopping=null")
TINY += ("logger=none", "figures=false", "model.hidden_sizes=[16]", "hydra.sweep.dir=sweep")
QUEUED = ("-m", "launcher=submitit", "hydra.launcher.tasks_per_node=2", *TINY)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[dict[str, str]]:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    yield slurm.install(tmp_path / "slurm")
    slurm.end_all(tmp_path / "slurm")


def record(folder: Path) -> dict[str, Any]:
    path = folder / "metrics.json"
    return json.loads(path.read_text()) if path.exists() else {}


def signal_tasks(folder: Path, job: str, signum: int) -> None:
    for name, pid in slurm.tasks(folder / "slurm").items():
        if name.rpartition("-")[0] == job:
            os.kill(pid, signum)


def when_its_first_epoch_is_over(folder: Path, number: int) -> Callable[[], bool]:
    return (folder / "sweep" / str(number) / "logs" / "metrics.csv").exists


@pytest.mark.parametrize(
    ("minutes", "signum"),
    [(240, signal.SIGUSR2), (5, signal.SIGUSR2), (240, signal.SIGTERM)],
    ids=["preempted", "its time is over", "preempted by a cluster that has its own signal for it"],
)
def test_a_job_that_is_taken_off_a_machine_is_resumed_in_its_folder(minutes, signum, tmp_path, cluster):
    few = ("trainer.max_epochs=40", "seed=1", f"hydra.launcher.timeout_min={minutes}")
    with Started("train.py", *QUEUED, *few, cwd=tmp_path, fresh=True, **cluster) as sweep:
        sweep.wait_until(when_its_first_epoch_is_over(tmp_path, 0), "the first epoch ends")
        (tmp_path / "slurm" / "preempts").touch()
        signal_tasks(tmp_path, "1", signum)
        assert sweep.status() == 0, sweep.stdout + sweep.stderr
    assert [path.name for path in (tmp_path / "slurm").glob("requeued-*")] == ["requeued-1-0"]
    assert (tmp_path / "sweep/0/logs/training.log").read_text().count("resume  from") == 1
    whole = run_script(
        "train.py", *TINY[:-1], *few[:2], "trainer.devices=2", "hydra.run.dir=whole", cwd=tmp_path, fresh=True
    )
    assert whole.returncode == 0, whole.stderr
    assert record(tmp_path / "sweep" / "0")["metrics"] == record(tmp_path / "whole")["metrics"]


def test_a_job_whose_time_is_over_too_often_can_be_resumed_by_the_sweep(tmp_path, cluster):
    few = ("trainer.max_epochs=100000", "seed=1", "hydra.launcher.timeout_min=5", "hydra.launcher.max_num_timeout=0")
    with Started("train.py", *QUEUED, *few, cwd=tmp_path, fresh=True, **cluster) as sweep:
        sweep.wait_until(when_its_first_epoch_is_over(tmp_path, 0), "the first epoch ends")
        signal_tasks(tmp_path, "1", signal.SIGUSR2)
        assert sweep.status() == 1
        assert "trial 0 was stopped before its end; continue with: " in sweep.stderr
    assert record(tmp_path / "sweep" / "0")["status"] == "interrupted"


def test_a_job_that_loses_a_task_fails_and_the_others_come_to_their_end(tmp_path, cluster):
    two = ("trainer.max_epochs=40", "seed=1,2")
    with Started("train.py", *QUEUED, *two, cwd=tmp_path, fresh=True, **cluster) as sweep:
        sweep.wait_until(when_its_first_epoch_is_over(tmp_path, 0), "the first epoch ends")
        os.kill(slurm.tasks(tmp_path / "slurm")["1_0-1"], signal.SIGKILL)
        assert sweep.status() == 1
        assert "1 of the sweep's 2 trials failed" in sweep.stderr
    assert record(tmp_path / "sweep" / "0")["status"] == "failed"
    assert record(tmp_path / "sweep" / "1")["status"] == "completed"


def test_a_job_that_waits_is_taken_out_of_the_queue_when_the_sweep_is_stopped(tmp_path, cluster):
    (tmp_path / "slurm" / "full").touch()
    with Started("train.py", *QUEUED, "seed=1,2", cwd=tmp_path, fresh=True, **cluster) as sweep:
        sweep.wait_until((tmp_path / "slurm" / "control-1_1").exists, "both jobs wait")
        sweep.send(signal.SIGINT)
        assert sweep.status() == 128 + signal.SIGINT, sweep.stdout + sweep.stderr
    states = {path.name: path.read_text() for path in (tmp_path / "slurm").glob("state-*")}
    assert states == {"state-1_0": "CANCELLED", "state-1_1": "CANCELLED"}


def test_a_search_of_jobs_with_two_tasks(tmp_path, cluster):
    search = ("sweep=optuna", "hydra.sweeper.n_trials=3", "hydra.sweeper.n_jobs=2", "trainer.max_epochs=2")
    done = run_script("train.py", *QUEUED, *search, cwd=tmp_path, fresh=True, **cluster)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 trials: 3 complete" in done.stdout
    assert len([*(tmp_path / "slurm").glob("job-*.sh")]) == 3, "each is queued when there is room for it"
