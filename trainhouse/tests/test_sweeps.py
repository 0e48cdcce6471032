"""Sweeps from the command line, with jobs that train: grids and searches, cut off and resumed."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
import yaml

from src.training.module import Module
from trainhouse.checkpoints.checkpoint import read
from trainhouse.runs.layout import LAST_CHECKPOINT
from trainhouse.tests.common import ROOT, run_script
from trainhouse.tests.started import Hold, Started

TINY = ["trainer=cpu", "data.rows=200", "model.hidden_sizes=[8]", "logger=none", "threads=1"]
SEARCH = ["-m", "sweep=optuna", *TINY, "hydra.sweep.dir=sweep", "hydra.sweeper.sampler.seed=1"]
SHARED = ["optimizer.weight_decay=0", "data.batch_size=32"]  # so that the rate alone is searched

MadeOnce = Callable[[str, Callable[[Path], None]], Path]


def train(*arguments: str, cwd: Path, status: int = 0) -> Any:
    done = run_script("train.py", *arguments, cwd=cwd)
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def results(sweep: Path) -> list[dict[str, str]]:
    with open(sweep / "results.csv", newline="") as file:
        return list(csv.DictReader(file))


def states(sweep: Path) -> list[str]:
    return [row["state"] for row in results(sweep)]


def metrics(run: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run / "metrics.json").read_text())
    return content


def trials(sweep: Path, name: str = "study") -> list[optuna.trial.FrozenTrial]:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(sweep / "study.journal")))
    return optuna.load_study(storage=storage, study_name=name).get_trials()


def job_folders(sweep: Path) -> list[str]:
    return sorted(path.name for path in sweep.iterdir() if path.name.isdecimal())


def in_job(number: int, step: int) -> Hold:
    """Hold a job of the sweep at a step of its training."""

    def when(module: Module, *_: Any) -> bool:
        trainer = module.trainer
        here = Path(trainer.default_root_dir).name == str(number)
        return bool(here and not trainer.fast_dev_run and module.global_step == step)

    return Hold(Module, "training_step", when)


GRID = ["-m", *TINY, "trainer.max_epochs=3", "model.dropout=0.5", "seed=1,abc,3"]


@pytest.fixture(scope="module")
def grid(made_once: MadeOnce) -> Path:
    """A grid, one of whose jobs can't be run."""

    def make(folder: Path) -> None:
        done = train(*GRID, "hydra.sweep.dir=sweep", cwd=folder, status=1)
        (folder / "stdout").write_text(done.stdout)
        (folder / "stderr").write_text(done.stderr)

    return made_once("grid_sweep", make)


def test_a_failing_job_costs_the_others_nothing_and_is_named(grid: Path) -> None:
    assert states(grid / "sweep") == ["COMPLETE", "FAIL", "COMPLETE"]
    assert "seed: expected a whole number" in results(grid / "sweep")[1]["error"]
    error = (grid / "stderr").read_text()
    assert error.startswith("error: 1 of the sweep's 3 trials failed, as said above; to run what failed again: python ")
    assert error.endswith(" sweep.resume=sweep\n")
    said = (grid / "stdout").read_text()
    assert re.search(r"^trial 0   val/loss \d+\.\d+  \(.* s\)  seed=1$", said, re.MULTILINE)
    assert "trial 1 failed: seed=abc: seed: expected a whole number" in said
    assert "3 trials: 2 complete, 1 failed" in said
    assert "Traceback" not in said
    assert "epoch 1/" not in said, "the jobs leave the terminal to the sweep"


def test_a_sweep_leaves_the_best_of_it_and_a_command_that_repeats_it(grid: Path) -> None:
    best = yaml.safe_load((grid / "sweep" / "best.yaml").read_text())
    losses = [metrics(grid / "sweep" / job)["metrics"]["val/loss"] for job in ("0", "2")]
    assert best["metric"] == "val/loss"
    assert best["mean"] == pytest.approx(sum(losses) / 2)
    assert (grid / "sweep" / "logs" / "sweep.log").is_file()


def test_a_grid_killed_in_a_job_is_finished_by_the_same_command_bit_for_bit(grid: Path, tmp_path: Path) -> None:
    seeds = [*GRID[:-1], "seed=1,3"]
    with Started("train.py", *seeds, "hydra.sweep.dir=sweep", cwd=tmp_path, hold=in_job(0, step=5)) as killed:
        killed.wait_for_hold()
        killed.kill()
    assert job_folders(tmp_path / "sweep") == ["0"]
    done = train(*seeds, "sweep.resume=sweep", cwd=tmp_path)
    assert "2 trials: 2 complete" in done.stdout
    for job, same in (("0", "0"), ("1", "2")):
        weights, expected = (
            read(path / "checkpoints" / "best_model.ckpt")["state_dict"]
            for path in (tmp_path / "sweep" / job, grid / "sweep" / same)
        )
        assert all(torch.equal(weights[name], expected[name]) for name in expected)
    before = (tmp_path / "sweep" / "0" / "metrics.json").stat().st_mtime_ns
    done = train(*seeds, "sweep.resume=sweep", cwd=tmp_path)
    assert "2 of them done before" in done.stdout
    assert (tmp_path / "sweep" / "0" / "metrics.json").stat().st_mtime_ns == before, "what is done is not done again"


def test_a_search_that_was_killed_is_finished_by_the_same_command(tmp_path: Path) -> None:
    search = [*SEARCH, *SHARED, "trainer.max_epochs=2", "hydra.sweeper.n_trials=3"]
    with Started("train.py", *search, cwd=tmp_path, hold=in_job(1, step=6)) as killed:
        killed.wait_for_hold()
        killed.kill()
    assert [trial.state.name for trial in trials(tmp_path / "sweep")] == ["COMPLETE", "RUNNING"]
    begun = trials(tmp_path / "sweep")[1].params
    done = train(*search, cwd=tmp_path)
    assert "3 trials, 1 of them done before" in done.stdout
    found = trials(tmp_path / "sweep")
    assert [trial.state.name for trial in found] == ["COMPLETE"] * 3
    assert found[1].params == begun, "the trial is resumed as it was"
    assert job_folders(tmp_path / "sweep") == ["0", "1", "2"]
    for trial in found:
        run = metrics(tmp_path / "sweep" / str(trial.number))
        assert trial.value == run["metrics"]["val/loss"]
        assert run["epochs"] == 2


def test_a_search_that_a_signal_stopped_says_how_to_resume_it(tmp_path: Path) -> None:
    search = [*SEARCH, *SHARED, "trainer.max_epochs=2", "hydra.sweeper.n_trials=2"]
    with Started("train.py", *search, cwd=tmp_path, hold=in_job(1, step=6)) as stopped:
        stopped.wait_for_hold()
        stopped.send(signal.SIGTERM)
        stopped.let_go()
        assert stopped.status() == 143
        assert stopped.stderr.splitlines()[-1].startswith("continue with: python ")
        assert stopped.stderr.splitlines()[-1].endswith(" hydra.sweep.dir=sweep")
        assert "Traceback" not in stopped.stderr
    assert states(tmp_path / "sweep") == ["COMPLETE", "INTERRUPTED"]
    assert [trial.state.name for trial in trials(tmp_path / "sweep")] == ["COMPLETE", "RUNNING"]


def test_pruned_trials_are_marked_in_every_record(tmp_path: Path) -> None:
    above = ["hydra.sweeper.pruner._target_=optuna.pruners.ThresholdPruner", "+hydra.sweeper.pruner.upper=0.01"]
    pruner = ["hydra/sweeper/pruner=none", *above]  # no loss is as small
    train(*SEARCH, *SHARED, *pruner, "trainer.max_epochs=2", "hydra.sweeper.n_trials=2", cwd=tmp_path)
    found = trials(tmp_path / "sweep")
    assert [trial.state.name for trial in found] == ["PRUNED", "PRUNED"]
    assert states(tmp_path / "sweep") == [trial.state.name for trial in found]
    for trial in found:
        run = metrics(tmp_path / "sweep" / str(trial.number))
        assert run["status"] == "pruned"
        assert run["epochs"] == len(trial.intermediate_values) == 1


def test_a_space_with_a_condition_and_two_objectives(tmp_path: Path) -> None:
    two = ["sweep.metric=[val/loss,test/acc]", "sweep.mode=[min,max]", "hydra/sweeper/sampler=nsga2"]
    space = ["hydra.sweeper.space=trainhouse.sweeps.example_space.layers", "hydra.sweeper.n_trials=3"]
    plain = [argument for argument in SEARCH if not argument.startswith("model.")]
    train(*plain, *two, *space, "trainer.max_epochs=1", cwd=tmp_path)
    for trial in trials(tmp_path / "sweep"):
        sizes = [trial.params[f"size_{layer}"] for layer in range(trial.params["layers"])]
        config = yaml.safe_load((tmp_path / "sweep" / str(trial.number) / "config.yaml").read_text())
        assert config["model"]["hidden_sizes"] == sizes
        run = metrics(tmp_path / "sweep" / str(trial.number))["metrics"]
        assert trial.values == [run["val/loss"], run["test/acc"]]
    assert yaml.safe_load((tmp_path / "sweep" / "best.yaml").read_text())["pareto"]


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
@pytest.mark.parametrize("kind", [["seed=1,2,3"], ["sweep=optuna", *SHARED, "hydra.sweeper.n_trials=3"]], ids=len)
def test_jobs_run_side_by_side_in_processes_of_their_own(kind: list[str], launcher: str, tmp_path: Path) -> None:
    pytest.importorskip(f"hydra_plugins.hydra_{launcher.partition('_')[0]}_launcher")
    of_its_own = {"joblib": "hydra.launcher.n_jobs=2", "submitit_local": "hydra.launcher.timeout_min=9"}[launcher]
    arguments = [f"launcher={launcher}", of_its_own, "data.num_workers=1", "trainer.max_epochs=1"]
    arguments += ["hydra.sweep.dir=sweep"]
    done = run_script("train.py", "-m", *TINY, *kind, *arguments, cwd=tmp_path, fresh=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert states(tmp_path / "sweep") == ["COMPLETE"] * 3
    assert job_folders(tmp_path / "sweep") == ["0", "1", "2"]


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_saves_the_jobs_of_joblib_also_beside_an_idle_process(n_jobs: int, tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    jobs = ["trainer.max_epochs=1,100000", "callbacks.early_stopping=null", "hydra.sweep.dir=sweep"]
    joblib = ["launcher=joblib", f"hydra.launcher.n_jobs={n_jobs}"]
    command = [sys.executable, str(ROOT / "train.py"), "-m", *TINY, *jobs, *joblib]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True) as sweep:
        try:
            until = time.monotonic() + 120
            first, second = tmp_path / "sweep" / "0" / "metrics.json", tmp_path / "sweep" / "1" / LAST_CHECKPOINT
            while not (second.exists() and '"completed"' in first.read_text()):
                assert time.monotonic() < until
                time.sleep(0.2)
            os.killpg(sweep.pid, signal.SIGINT)
            _, said = sweep.communicate(timeout=120)
        finally:
            sweep.kill()
    assert sweep.returncode == 130, said
    assert "continue with: " in said
    assert states(tmp_path / "sweep") == ["COMPLETE", "INTERRUPTED"]
    assert metrics(tmp_path / "sweep" / "1")["status"] == "interrupted"
    assert "saved" in (tmp_path / "sweep" / "1" / "logs" / "training.log").read_text().splitlines()[-1]
