"""`resume=` is for runs of one's own: a job of a sweep is resumed by its sweep, so that its record stays true."""

import fcntl
import json
import os
import time
from pathlib import Path

import pytest
from optuna.distributions import FloatDistribution

from trainhouse.configuration.errors import UserError
from trainhouse.runs.find_run import find_run, sweep_of
from trainhouse.runs.typed import as_override
from trainhouse.sweeps.job import Objective
from trainhouse.sweeps.search import SearchPlan
from trainhouse.sweeps.search_settings import SearchSettings
from trainhouse.tests.common import run_script

COMMAND = "python train.py -m seed=1,2"
SHORT = ["trainer=cpu", "trainer.max_epochs=1", "logger=none", "preflight=false", "data.rows=60", "data.batch_size=16"]


def begun(folder: Path, mode: str = "RUN", status: str = "interrupted") -> Path:
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "hydra.yaml").write_text(f"hydra:\n  mode: {mode}\n")
    (folder / "config.yaml").touch()
    (folder / "metrics.json").write_text(json.dumps({"status": status, "metrics": {"val/loss": 0.5}}))
    return folder


def sweep(folder: Path, kind: str = "grid", command: str = COMMAND) -> Path:
    folder.mkdir(parents=True)
    (folder / "multirun.yaml").touch()
    (folder / "sweep.json").write_text(json.dumps({"kind": kind, "command": command}))
    return folder


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_last_is_the_last_run_of_ones_own_not_a_job_of_a_sweep() -> None:
    own = begun(Path("outputs/x/run"))
    of_sweep = begun(sweep(Path("outputs/x/sweep_1")) / "0", "MULTIRUN")
    aside = begun(Path("outputs/x/sweep_1/1.failed-1"), "MULTIRUN")
    for folder in (of_sweep, aside):
        os.utime(folder / "config.yaml", (time.time() + 100, time.time() + 100))
    assert find_run("last") == own


def test_if_there_are_only_jobs_of_sweeps_it_is_said() -> None:
    begun(sweep(Path("outputs/sweep")) / "0", "MULTIRUN")
    with pytest.raises(UserError, match=r"^resume: there is no run but the trials of sweeps, which their own commands"):
        find_run("last")


@pytest.mark.parametrize(
    ("kind", "command", "hint"),
    [
        ("grid", COMMAND, f"{COMMAND} sweep.resume=outputs/sweep"),
        ("search", COMMAND, f"{COMMAND} hydra.sweep.dir=outputs/sweep"),
        ("search", f"{COMMAND} hydra.sweep.dir=outputs/sweep", f"{COMMAND} hydra.sweep.dir=outputs/sweep;"),
        ("grid", "python \x1b[2J", "its own command sweep.resume=outputs/sweep"),
    ],
)
@pytest.mark.parametrize("name", ["0", "lr=0.1/seed=1"])
def test_a_job_of_a_sweep_is_refused_with_the_command_that_resumes_it(
    kind: str, command: str, hint: str, name: str
) -> None:
    job = begun(sweep(Path("outputs/sweep"), kind, command) / name, "MULTIRUN")
    with pytest.raises(UserError) as refused:
        find_run(str(job))
    assert str(refused.value).startswith(
        f"resume: {job} is a trial of the sweep outputs/sweep, which resumes it: {hint}"
    )
    assert as_override("init_from", job) in str(refused.value)
    assert str(refused.value).isprintable()


def test_a_link_to_a_job_of_a_sweep_is_the_same_job() -> None:
    job = begun(sweep(Path("outputs/sweep")) / "0", "MULTIRUN")
    Path("mine").symlink_to(job)
    with pytest.raises(UserError, match=r"^resume: mine is a trial of the sweep outputs/sweep"):
        find_run("mine")


def test_a_sweep_in_the_folder_of_single_runs_takes_none_of_them() -> None:
    sweep(Path("outputs/x"))
    own = begun(Path("outputs/x/2026-01-01"))
    assert find_run(str(own)) == own
    assert find_run("last") == own
    assert sweep_of(Path("outputs/x/3")) == Path("outputs/x").absolute()


def test_a_job_that_was_copied_out_of_its_sweep_is_a_run_of_ones_own() -> None:
    own = begun(Path("outputs/mine"), "MULTIRUN")
    assert find_run("last") == own


def test_no_single_run_takes_the_place_of_a_sweeps_job() -> None:
    sweep(Path("outputs/sweep"))
    done = run_script("train.py", *SHORT, "hydra.run.dir=outputs/sweep/7", cwd=Path.cwd())
    assert done.returncode == 1
    assert done.stderr == (
        "error: hydra.run.dir: outputs/sweep/7 is the place of a trial of the sweep "
        f"{Path('outputs/sweep').absolute()}; name another folder\n"
    )


def plan_of(folder: Path, n_trials: int = 1) -> SearchPlan:
    folder.mkdir(exist_ok=True)
    settings = SearchSettings(n_trials, f"journal://{folder.absolute()}/study.journal", "study", None, None)
    space = {"optimizer.lr": FloatDistribution(1e-4, 1e-1)}
    objectives = [Objective("val/loss", "min")]
    fixed = ["sweep=optuna", *SHORT, "optimizer.weight_decay=0"]
    plan = SearchPlan(folder, space, fixed, None, objectives, settings, "python train.py -m")
    plan.start()
    return plan


@pytest.mark.parametrize(
    ("recorded", "then", "shown"),
    [("pruned", "completed", "PRUNED"), ("pruned", "interrupted", "PRUNED"), ("completed", "interrupted", "COMPLETE")],
)
def test_what_a_study_has_recorded_stands_whatever_becomes_of_the_trials_folder(
    recorded: str, then: str, shown: str
) -> None:
    plan = plan_of(Path("sweep"))
    (task,) = plan.next(1)
    begun(Path("sweep/0"), "MULTIRUN", recorded)
    plan.ended(task, None)
    plan.close()
    content = {"status": then, "metrics": {"val/loss": 0.1} if then == "completed" else {}}
    Path("sweep/0/metrics.json").write_text(json.dumps(content))
    again = plan_of(Path("sweep"))
    (job,) = again.jobs()
    assert (job.state, again.next(1)) == (shown, [])
    if shown == "COMPLETE":
        assert job.metrics == {"val/loss": 0.5}, "the value that the study has"
    again.close()


def test_a_trial_that_an_orphaned_process_works_on_stays_open() -> None:
    """Its sweep was killed, but not the process that trains: the study learns nothing before that one ends."""
    plan = plan_of(Path("sweep"))
    plan.next(1)
    plan.close()
    Path("sweep/multirun.yaml").touch()
    log = begun(Path("sweep/0"), "MULTIRUN", "running") / "logs" / "training.log"
    log.parent.mkdir()
    with open(log, "a") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        arguments = ["-m", "sweep=optuna", "hydra.sweeper.n_trials=1", "hydra.sweeper.study_name=study", *SHORT]
        space = ["optimizer.lr=interval(1e-4,1e-1)", "optimizer.weight_decay=0"]
        done = run_script("train.py", *arguments, *space, "hydra.sweep.dir=sweep", cwd=Path.cwd())
    assert "still run by other processes: 1 trial" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0
    plan = plan_of(Path("sweep"))
    assert [job.state for job in plan.jobs()] == ["RUNNING"]
    assert [trial.state.name for trial in plan._study.get_trials()] == ["RUNNING"]
    assert [(task.number, task.resumes) for task in plan.next(1)] == [(0, True)]
    plan.close()
