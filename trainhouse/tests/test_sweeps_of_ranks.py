"""Trials of several processes: which launcher can start them, and what becomes of a trial that loses one."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from trainhouse.configuration.errors import UserError
from trainhouse.launching.job_devices import check_processes, processes_of
from trainhouse.machine.rank_processes import RankProcesses
from trainhouse.sweeps.plan import Task
from trainhouse.sweeps.side_by_side import LauncherError, run_side_by_side
from trainhouse.tests.common import ROOT, run_script
from trainhouse.tests.started import Started

TINY = ("trainer=cpu", "trainer.devices=2", "data.path=rows.npy", "data.rows=400", "data.batch_size=16")
TINY += ("logger=none", "figures=false", "model.hidden_sizes=[16]", "hydra.sweep.dir=sweep")
LONG = ("trainer.max_epochs=100000", "callbacks.early_stopping=null", "trainer.limit_val_batches=1")


def job(launcher: str, trainer: dict[str, Any], **of_launcher: Any) -> Any:
    trainer = {"devices": 1, "num_nodes": 1, "accelerator": "cpu", "strategy": "auto", **trainer}
    return OmegaConf.create({"trainer": trainer, "hydra": {"launcher": {"_target_": f"x.{launcher}", **of_launcher}}})


def status(folder: Path) -> dict[str, Any]:
    path = folder / "metrics.json"
    return json.loads(path.read_text()) if path.exists() else {}


@pytest.mark.parametrize(
    ("trainer", "expected"),
    [
        ({}, 0),
        ({"devices": 2}, 2),
        ({"devices": [0, 2, 3]}, 3),
        ({"devices": "0,2"}, 2),
        ({"devices": "auto"}, 0),
        ({"devices": -1, "accelerator": "gpu"}, 4),
        ({"strategy": "ddp"}, 1),
    ],
)
def test_a_trial_gets_processes_by_its_devices(trainer, expected, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    assert processes_of(job("BasicLauncher", trainer)) == expected


@pytest.mark.parametrize(
    ("made", "typed", "error"),
    [
        (job("SlurmLauncher", {}, tasks_per_node=2), [], None),
        (job("SlurmLauncher", {"devices": 2, "num_nodes": 2}, tasks_per_node=2, nodes=2), ["trainer.devices=2"], None),
        (job("SlurmLauncher", {"devices": 2}), ["trainer.devices=2"], None),
        (job("JoblibLauncher", {"devices": 2, "accelerator": "gpu"}, n_jobs=2), [], None),
        (
            job("SlurmLauncher", {"devices": 4}, tasks_per_node=2),
            ["trainer.devices=4"],
            "set hydra.launcher.tasks_per_node=4 hydra.launcher.nodes=1",
        ),
        (job("SlurmLauncher", {"num_nodes": 2}), [], "need launcher=submitit hydra.launcher.nodes=2"),
        (job("LocalLauncher", {}, tasks_per_node=2), [], "hydra.launcher.tasks_per_node: 2 tasks"),
        (job("BasicLauncher", {"num_nodes": 2}), [], "trainer.num_nodes: 2 machines"),
        (job("BasicLauncher", {"devices": 8, "accelerator": "gpu"}), [], "trainer.devices: 8, but this machine has 4"),
        (job("JoblibLauncher", {"devices": 2, "accelerator": "gpu"}, n_jobs=3), [], "set hydra.launcher.n_jobs=2"),
    ],
)
def test_what_a_launcher_can_not_start_is_refused_before_the_first_trial(made, typed, error, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    if error is None:
        check_processes(made, typed)
    else:
        with pytest.raises(UserError, match=error):
            check_processes(made, typed)


def test_when_one_process_is_killed_the_others_are_ended_and_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("trainhouse.machine.rank_processes._TO_END", 0.2)
    code = "import os, time; os.kill(os.getpid(), 9) if os.environ['LOCAL_RANK'] == '1' else time.sleep(60)"
    processes = RankProcesses([sys.executable, "-c", code], 3, os.environ, tmp_path)
    began = time.monotonic()
    processes.wait(lambda: None)
    assert time.monotonic() - began < 20
    assert processes.first_failed == 1
    assert processes.how_it_ended(1) == "rank 1 was ended by SIGKILL; memory may be short"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is free for a moment")
def test_the_port_where_the_processes_meet_is_theirs_before_the_first_listens_there(tmp_path):
    code = "import os; from torch.distributed import TCPStore\n"
    code += "TCPStore('127.0.0.1', int(os.environ['MASTER_PORT']), 1, True)"
    processes = RankProcesses([sys.executable, "-c", code], 1, os.environ, tmp_path)
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(processes._held.getsockname())
    processes.wait(lambda: None)
    assert processes.first_failed is None, processes.how_it_ended(0)


class FewTasks:
    """As a plan, of `count` tasks that all can be run at once."""

    def __init__(self, count: int) -> None:
        self.left, self.done = list(range(count)), list[int]()

    def next(self, size: int) -> list[Task]:
        numbers, self.left = self.left[:size], self.left[size:]
        return [Task(number, []) for number in numbers]

    def ended(self, task: Task, error: str | None) -> None:
        self.done.append(task.number)


def test_a_slow_trial_of_a_search_does_not_hold_up_the_others():
    plan, others_done = FewTasks(6), threading.Event()

    def launch(tasks):
        if tasks[0].number == 0:
            assert others_done.wait(10)
        return [None]

    def look():
        if len(plan.done) == 5:
            others_done.set()

    run_side_by_side(plan, launch, 2, [], look)
    assert plan.done == [1, 2, 3, 4, 5, 0]


def test_a_launcher_that_fails_names_what_it_had_begun():
    def launch(tasks):
        raise RuntimeError("no such partition")

    with pytest.raises(LauncherError, match="launcher: RuntimeError: no such partition") as failed:
        run_side_by_side(FewTasks(6), launch, 1, [], lambda: None)
    assert failed.value.begun == {0}


def test_a_trial_of_two_processes_is_one_run(tmp_path):
    done = run_script("train.py", "-m", *TINY, "trainer.max_epochs=1", "seed=1", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 trial: 1 complete" in done.stdout
    assert status(tmp_path / "sweep" / "0")["status"] == "completed"
    assert status(tmp_path / "sweep" / "0")["exact"] is True
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.npy", "rows.npy.json", "sweep"]


@pytest.mark.slow
def test_a_trial_that_loses_a_process_fails_alone(tmp_path):
    with Started("train.py", "-m", *TINY, *LONG, "seed=1", cwd=tmp_path) as sweep:
        sweep.wait_until((tmp_path / "sweep/0/logs/metrics.csv").exists, "the first epoch ends")
        os.kill(rank_of(sweep.process, 1), signal.SIGKILL)
        assert sweep.status() == 1
        assert "rank 1 was ended by SIGKILL" in sweep.stdout
    assert status(tmp_path / "sweep" / "0")["status"] == "failed"


@pytest.mark.slow
def test_a_stopped_trial_of_two_processes_is_saved_and_resumed_as_if_nobody_had_stopped_it(tmp_path):
    grid = ("-m", *TINY, "seed=1", "trainer.max_epochs=60", "callbacks.early_stopping=null")
    with Started("train.py", *grid, cwd=tmp_path) as sweep:
        sweep.wait_until((tmp_path / "sweep/0/logs/metrics.csv").exists, "the first epoch ends")
        sweep.send(signal.SIGINT)
        assert sweep.status() == 130
        assert sweep.stderr.splitlines()[-1].startswith("continue with: ")
    assert status(tmp_path / "sweep" / "0")["status"] == "interrupted"
    for command in (("-m", *grid[1:], "sweep.resume=sweep"), ("-m", *grid[1:], "hydra.sweep.dir=whole")):
        command = [one for one in command if one != TINY[-1]]
        done = run_script("train.py", *command, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    resumed, whole = (status(tmp_path / name / "0") for name in ("sweep", "whole"))
    assert resumed["status"] == whole["status"] == "completed"
    assert resumed["metrics"] == whole["metrics"]


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_a_search_prunes_trials_of_two_processes(launcher, tmp_path):
    pytest.importorskip(f"hydra_plugins.hydra_{launcher.partition('_')[0]}_launcher")
    pruner = ("hydra.sweeper.pruner._target_=optuna.pruners.ThresholdPruner", "+hydra.sweeper.pruner.upper=0.01")
    search = (
        "sweep=optuna",
        "hydra/sweeper/pruner=none",
        *pruner,
        "hydra.sweeper.n_trials=2",
        "hydra.sweeper.n_jobs=2",
    )
    done = run_script(
        "train.py", "-m", *TINY, *search, f"launcher={launcher}", "trainer.max_epochs=3", cwd=tmp_path, fresh=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [status(tmp_path / "sweep" / name)["status"] for name in "01"] == ["pruned", "pruned"]


def rank_of(parent: int, rank: int) -> int:
    """Return the process of a rank among the children of a sweep's process."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            ppid = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if ppid == parent and f"LOCAL_RANK={rank}\0".encode() in (path / "environ").read_bytes():
                return int(path.name)
        except OSError:
            continue
    raise AssertionError("no such rank")


def test_a_launcher_that_fails_does_not_hold_the_process_until_other_jobs_end(tmp_path):
    code = """
import time
from trainhouse.sweeps.plan import Task
from trainhouse.sweeps.side_by_side import LauncherError, run_side_by_side

class Both:
    def next(self, size):
        return [Task(number, []) for number in range(size)]

def launch(tasks):
    if tasks[0].number == 0:
        time.sleep(60)
    raise RuntimeError("no such partition")

try:
    run_side_by_side(Both(), launch, 2, [], lambda: None)
except LauncherError as error:
    print(sorted(error.begun), flush=True)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=50)
    assert done.stdout == "[0, 1]\n", done.stderr
