"""A job of SLURM, which says when its time is over, is saved, put back into the queue, and resumes in its folder."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from src.training.module import Module
from trainhouse.launching import entry
from trainhouse.runs.requeued import fate_of_job
from trainhouse.tests.common import run_script
from trainhouse.tests.signals.moments import BUILDING, at_step, quickly, status_of, stopped_line
from trainhouse.tests.started import RUN, Hold, Started
from trainhouse.tests.test_exact_resume import differing, outcome

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the signals of this platform are others")


def asked(tmp_path: Path) -> list[str]:
    return (tmp_path / "asked").read_text().splitlines() if (tmp_path / "asked").exists() else []


def runs(tmp_path: Path) -> list[Path]:
    return sorted(path.parent for path in (tmp_path / "outputs").rglob("metrics.json"))


@pytest.mark.parametrize("argument", quickly(["", "hydra.run.dir=outputs/named", "data.num_workers=2"], ""))
def test_a_slurm_job_whose_time_is_over_is_requeued_and_resumed_in_its_folder(
    argument: str,
    slurm: dict[str, str],
    start: Callable[..., Started],
    whole: dict[str, Any],
    tmp_path: Path,
) -> None:
    arguments = [*RUN, *argument.split()]
    process = start(*arguments, hold=at_step(29), **slurm)
    process.wait_for_hold()
    process.send(signal.SIGUSR1, to_group=True)
    process.let_go()
    assert process.status() == 128 + signal.SIGUSR1
    assert stopped_line(process.stderr)[1] == "SIGUSR1"
    assert asked(tmp_path) == ["requeue 77"]
    (folder,) = runs(tmp_path)
    assert status_of(folder) == "interrupted"

    done = run_script("train.py", *arguments, cwd=tmp_path, **slurm, SLURM_RESTART_COUNT="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert runs(tmp_path) == [folder]
    assert differing(whole, outcome(folder)) == []


def test_a_slurm_job_that_loses_its_machine_resumes_in_its_folder(
    slurm: dict[str, str], start: Callable[..., Started], whole: dict[str, Any], tmp_path: Path
) -> None:
    process = start(*RUN, hold=at_step(29), **slurm)
    process.wait_for_hold()
    process.send(signal.SIGKILL, to_group=True)
    process.status()
    done = run_script("train.py", *RUN, cwd=tmp_path, **slurm, SLURM_RESTART_COUNT="1")
    assert (done.returncode, done.stderr) == (0, "")
    (folder,) = runs(tmp_path)
    assert differing(whole, outcome(folder)) == []


def test_a_slurm_job_that_was_asked_to_resume_the_last_run_comes_back_to_that_one(
    slurm: dict[str, str], tmp_path: Path
) -> None:
    def train(*words: str, **env: str) -> None:
        done = run_script("train.py", *words, cwd=tmp_path, **env)
        assert done.returncode == 0, done.stderr

    one_epoch = [word for word in RUN if not word.startswith("trainer.max_epochs=")] + ["trainer.max_epochs=1"]
    train(*one_epoch)
    (first,) = runs(tmp_path)
    train("resume=last", "trainer.max_epochs=2", **slurm)
    train(*one_epoch)
    train("resume=last", "trainer.max_epochs=2", **slurm, SLURM_RESTART_COUNT="1")
    epochs = {
        folder == first: len((folder / "logs/metrics.csv").read_text().splitlines()) - 1 for folder in runs(tmp_path)
    }
    assert epochs == {True: 2, False: 1}


@pytest.mark.parametrize(
    ("state", "fate"),
    [
        ("JobState=RUNNING Reason=None Requeue=1 Restarts=0 PreemptTime=2026-11-27T22:16:48", "preempted"),
        ("JobState=COMPLETING Reason=None Requeue=1 Restarts=1", "requeued"),
        ("JobState=COMPLETING Reason=None Requeue=1 Restarts=0 PreemptTime=None", ""),  # scancel
        ("JobState=RUNNING Reason=None Requeue=1 Restarts=0 PreemptTime=None", ""),  # scancel --signal=TERM
    ],
)
def test_slurm_is_asked_why_it_ends_a_job(
    state: str, fate: str, slurm: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin" / "scontrol").write_text(f"#!/bin/sh\necho JobId=77 {state}\n")
    for name, value in slurm.items():
        monkeypatch.setenv(name, value)
    assert fate_of_job() == fate


def test_a_slurm_job_that_is_preempted_goes_back_into_the_queue(
    slurm: dict[str, str], start: Callable[..., Started], tmp_path: Path
) -> None:
    command = tmp_path / "bin" / "scontrol"
    command.write_text(f"{command.read_text()}echo Restarts=0 JobState=RUNNING PreemptTime=2026-11-27T22:16:48\n")
    process = start(*RUN, hold=at_step(5), **slurm)
    process.wait_for_hold()
    process.send(signal.SIGTERM)
    process.let_go()
    assert process.status() == 128 + signal.SIGTERM
    assert stopped_line(process.stderr)[1] == "SIGTERM"
    assert asked(tmp_path) == ["--oneliner show job 77", "requeue 77"]


def test_a_slurm_job_whose_time_is_over_before_its_run_begins_is_requeued(
    slurm: dict[str, str], start: Callable[..., Started], tmp_path: Path
) -> None:
    process = start(*RUN, hold=Hold(entry, "take_given_ranks"), **slurm)
    process.wait_for_hold()
    process.send(signal.SIGUSR1)
    process.let_go()
    assert process.status() == 128 + signal.SIGUSR1
    assert process.stderr == "stopped by SIGUSR1; job 77 is back in the queue\n"
    assert (asked(tmp_path), runs(tmp_path)) == (["requeue 77"], [])


@pytest.mark.slow
def test_a_slurm_job_of_an_array_is_requeued_by_its_number(
    slurm: dict[str, str], start: Callable[..., Started], tmp_path: Path
) -> None:
    process = start(*RUN, hold=at_step(5), **slurm, SLURM_ARRAY_JOB_ID="70", SLURM_ARRAY_TASK_ID="3")
    process.wait_for_hold()
    process.send(signal.SIGUSR1)
    process.let_go()
    assert process.status() == 128 + signal.SIGUSR1
    assert asked(tmp_path) == ["requeue 70_3"]


def test_a_slurm_job_that_can_not_be_requeued_says_so_and_is_saved(
    slurm: dict[str, str], start: Callable[..., Started], tmp_path: Path
) -> None:
    (tmp_path / "bin" / "scontrol").write_text("#!/bin/sh\necho 'Access denied' >&2\nexit 1\n")
    process = start(*RUN, hold=at_step(5), **slurm)
    process.wait_for_hold()
    process.send(signal.SIGUSR1)
    process.let_go()
    assert process.status() == 128 + signal.SIGUSR1
    assert "warning: job 77 was not put back into the queue: Access denied\n" in process.stdout
    assert stopped_line(process.stderr)[3] == "6"


OUTSIDE_OF_THE_EPOCHS = {**BUILDING, "the best model is tested": Hold(Module, "test_step")}


@pytest.mark.parametrize("moment", quickly(OUTSIDE_OF_THE_EPOCHS, "the best model is tested"))
def test_a_slurm_job_is_requeued_also_when_its_time_is_over_outside_of_the_epochs(
    moment: str, slurm: dict[str, str], start: Callable[..., Started], whole: dict[str, Any], tmp_path: Path
) -> None:
    process = start(*RUN, hold=OUTSIDE_OF_THE_EPOCHS[moment], **slurm)
    process.wait_for_hold()
    process.send(signal.SIGUSR1)
    process.let_go()
    process.status()
    assert "Traceback" not in process.stderr
    assert asked(tmp_path) == ["requeue 77"]
    done = run_script("train.py", *RUN, cwd=tmp_path, **slurm, SLURM_RESTART_COUNT="1")
    assert (done.returncode, done.stderr) == (0, "")
    (folder,) = runs(tmp_path)
    assert differing(whole, outcome(folder)) == []


@pytest.mark.slow
@pytest.mark.parametrize("command", ["eval.py ckpt_path=outputs/run", "train.py seed=5 " + " ".join(RUN)])
def test_what_follows_a_requeued_run_in_the_same_job_is_not_taken_for_it(
    command: str, slurm: dict[str, str], start: Callable[..., Started], tmp_path: Path
) -> None:
    process = start(*RUN, "hydra.run.dir=outputs/run", hold=at_step(5), **slurm)
    process.wait_for_hold()
    process.send(signal.SIGUSR1)
    process.let_go()
    assert process.status() == 128 + signal.SIGUSR1
    slurm["SLURM_RESTART_COUNT"] = "1"
    done = run_script("train.py", *RUN, "hydra.run.dir=outputs/run", cwd=tmp_path, **slurm)
    assert (done.returncode, done.stderr) == (0, "")
    kept = contents(tmp_path / "outputs" / "run")
    other = run_script(*command.split(), cwd=tmp_path, **slurm)
    assert (other.returncode, other.stderr) == (0, "")
    assert contents(tmp_path / "outputs" / "run") == kept


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
