"""A signal ends a run as its user would want it: nothing is lost, and one line says how to resume."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from src.training.module import Module
from trainhouse.configuration.errors import Interrupted
from trainhouse.tests.common import ROOT, run_script
from trainhouse.tests.signals.moments import (
    BUILDING,
    STATUS,
    STOPPED,
    at_step,
    in_validation,
    quickly,
    run_line,
    status_of,
    stopped_line,
)
from trainhouse.tests.started import RUN, Hold, Started
from trainhouse.tests.test_exact_resume import differing, outcome
from trainhouse.training.signals import StopOnSignal

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the signals of this platform are others")


@pytest.mark.parametrize("name", quickly(STATUS, "SIGTERM", "SIGINT"))
def test_a_signal_saves_the_run_which_is_resumed_as_if_nothing_had_been(
    name: str, start: Callable[..., Started], whole: dict[str, Any], tmp_path: Path
) -> None:
    process = start(*RUN, hold=at_step(29))
    process.wait_for_hold()
    process.send(getattr(signal, name))
    process.let_go()
    assert process.status() == STATUS[name]
    signal_name, epoch, step, saved, command = stopped_line(process.stderr).groups()
    assert (signal_name, epoch, step) == (name, "2", "30")
    folder = (tmp_path / saved).parents[1]
    assert command == f"train.py resume={folder.relative_to(tmp_path)}"
    content = torch.load(tmp_path / saved, weights_only=True)
    assert (content["global_step"], content["project"]["epoch"]) == (30, 2)
    assert status_of(folder) == "interrupted"
    assert STOPPED.search((folder / "logs" / "training.log").read_text())
    if name == "SIGTERM":  # from here on the signal's name makes no difference
        run_line(command, tmp_path)
        assert status_of(folder) == "completed"
        assert differing(whole, outcome(folder)) == []


MOMENTS = {
    "the first batch": at_step(0),
    "the last batch of an epoch": at_step(19),
    "the very last batch": at_step(59),
    "the first batch of a validation": in_validation(epoch=2, batch=1),
    "the last batch of a validation": in_validation(epoch=2, batch=3),
    "the last batch of the last validation": in_validation(epoch=3, batch=3),
}


@pytest.mark.parametrize("moment", quickly(MOMENTS, "the first batch of a validation"))
def test_a_signal_at_any_moment_loses_nothing(
    moment: str, start: Callable[..., Started], whole: dict[str, Any], tmp_path: Path
) -> None:
    process = start(*RUN, hold=MOMENTS[moment])
    process.wait_for_hold()
    process.send(signal.SIGTERM)
    process.let_go()
    assert process.status() == 143
    found = stopped_line(process.stderr)
    run_line(found[5], tmp_path)
    assert differing(whole, outcome((tmp_path / found[4]).parents[1])) == []


@pytest.mark.slow
def test_a_signal_in_the_last_of_max_steps_leaves_only_the_test_to_be_done(
    start: Callable[..., Started], tmp_path: Path
) -> None:
    arguments = [*RUN, "trainer.max_steps=33"]
    done = run_script("train.py", *arguments, "hydra.run.dir=whole", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    process = start(*arguments, "hydra.run.dir=stopped", hold=at_step(32))
    process.wait_for_hold()
    process.send(signal.SIGTERM)
    process.let_go()
    assert process.status() == 143
    assert (
        process.stderr.splitlines()[-1] == f"stopped by SIGTERM; continue with: python {ROOT}/train.py resume=stopped"
    )
    run_line("train.py resume=stopped", tmp_path)
    assert differing(outcome(tmp_path / "whole"), outcome(tmp_path / "stopped")) == []


@pytest.mark.parametrize("name", quickly(STATUS, "SIGTERM"))
def test_a_signal_while_the_best_model_is_tested_loses_nothing(
    name: str, start: Callable[..., Started], whole: dict[str, Any], tmp_path: Path
) -> None:
    process = start(*RUN, "hydra.run.dir=run", hold=Hold(Module, "test_step"))
    process.wait_for_hold()
    process.send(getattr(signal, name))
    assert process.status() == STATUS[name]  # at once: there is nothing to wait for
    assert process.stderr == f"stopped by {name}; continue with: python {ROOT}/train.py resume=run\n"
    assert status_of(tmp_path / "run") == "interrupted"
    run_line("train.py resume=run", tmp_path)
    assert differing(whole, outcome(tmp_path / "run")) == []


@pytest.mark.parametrize("name", quickly(STATUS, "SIGINT"))
@pytest.mark.parametrize("moment", quickly(["training", "validation"], "training"))
def test_a_signal_to_all_processes_of_a_run_with_data_workers_is_the_same(
    name: str, moment: str, start: Callable[..., Started], whole: dict[str, Any], tmp_path: Path
) -> None:
    hold = at_step(29) if moment == "training" else in_validation(epoch=1, batch=2)
    process = start(*RUN, "data.num_workers=2", hold=hold)
    process.wait_for_hold()
    process.send(getattr(signal, name), to_group=True)
    process.let_go()
    assert process.status() == STATUS[name]
    found = stopped_line(process.stderr)
    if name == "SIGINT" and moment == "training":
        run_line(found[5], tmp_path)
        assert differing(whole, outcome((tmp_path / found[4]).parents[1])) == []


def test_ctrl_c_in_a_process_of_its_own(start: Callable[..., Started], tmp_path: Path) -> None:
    run = [word for word in RUN if not word.startswith("trainer.max_epochs=")]
    long = ["trainer.max_epochs=1000", "callbacks.early_stopping=null"]
    process = start(*run, *long, "data.num_workers=2", fresh=True)
    process.wait_until(lambda: "epoch 2/" in process.stdout, "it trains")
    process.send(signal.SIGINT, to_group=True)
    assert process.status() == 130
    found = stopped_line(process.stderr)
    folder = (tmp_path / found[4]).parents[1]
    assert status_of(folder) == "interrupted"
    assert torch.load(tmp_path / found[4], weights_only=True)["global_step"] == int(found[3])


@pytest.mark.parametrize("second", quickly(STATUS, "SIGINT"))
@pytest.mark.parametrize("workers", quickly("02", "0"))
def test_a_second_signal_ends_at_once(second: str, workers: str, start: Callable[..., Started]) -> None:
    process = start(*RUN, f"data.num_workers={workers}", hold=at_step(25))  # a batch that never ends
    process.wait_for_hold()
    process.send(signal.SIGTERM, to_group=True)
    process.wait_until(lambda: "once more ends at once" in process.stderr, "it has noticed the first signal")
    assert not process.ended
    process.send(getattr(signal, second), to_group=True)
    assert process.status() == STATUS[second]
    assert process.stderr == "SIGTERM: finishing this batch, then saving (once more ends at once)\n"


@pytest.mark.parametrize("name", quickly(STATUS, "SIGTERM"))
def test_a_signal_in_a_sweep_saves_its_job_and_names_the_command_that_resumes_it(
    name: str, start: Callable[..., Started], tmp_path: Path
) -> None:
    in_second_job = Hold(
        Module,
        "training_step",
        lambda module, *_: module.global_step == 5 and Path(module.trainer.default_root_dir).name == "1",
    )
    sweep = ["-m", *RUN, "seed=1,2,3,4", "trainer.max_epochs=1", "hydra.sweep.dir=sweep"]
    process = start(*sweep, hold=in_second_job)
    process.wait_for_hold()
    process.send(getattr(signal, name))
    process.let_go()
    assert process.status() == STATUS[name]
    lines = process.stderr.splitlines()
    assert lines[-1].startswith("continue with: python ")
    assert lines[-1].endswith(" sweep.resume=sweep")
    assert "resume=sweep/" not in process.stderr, "no job names a command of its own"
    assert "4 trials: 1 complete, 1 interrupted, 2 waiting" in process.stdout
    assert [status_of(tmp_path / "sweep" / job) for job in ("0", "1")] == ["completed", "interrupted"]
    assert not (tmp_path / "sweep" / "2").exists()


@pytest.mark.parametrize("name", quickly(STATUS, "SIGTERM"))
@pytest.mark.parametrize("moment", quickly(BUILDING, "a batch is tried out"))
def test_a_signal_before_the_first_batch_ends_the_run_without_a_traceback(
    moment: str, name: str, start: Callable[..., Started]
) -> None:
    process = start(*RUN, hold=BUILDING[moment])
    process.wait_for_hold()
    process.send(getattr(signal, name))
    assert process.status() == STATUS[name]
    assert "Traceback" not in process.stderr
    assert len(process.stderr.splitlines()) <= 1
    assert "epoch 1" not in process.stdout


def test_a_signal_that_is_anothers_is_handed_on_once_the_run_is_saved(tmp_path: Path) -> None:
    """As submitit's, by which it takes a job off a machine."""

    def theirs(signum: int, frame: object) -> None:
        done.append("handed on")
        sys.exit(3)

    done: list[str] = []
    trainer = SimpleNamespace(world_size=1, global_step=3, max_steps=-1, current_epoch=0)
    trainer.save_checkpoint = lambda path: done.append(path.name)
    trainer.strategy = SimpleNamespace(checkpoint_io=SimpleNamespace(teardown=lambda: done.append("written")))
    before = signal.signal(signal.SIGUSR2, theirs)
    try:
        with StopOnSignal(tmp_path) as stop:
            stop.on_train_start(trainer, None)  # type: ignore[arg-type]
            signal.raise_signal(signal.SIGUSR2)
            assert done == []
            with pytest.raises(SystemExit):
                stop.on_train_batch_end(trainer, None, None, None, 0)  # type: ignore[arg-type]
        assert done == ["last.ckpt", "written", "handed on"]
        assert signal.getsignal(signal.SIGUSR2) is theirs
        no_more = OSError("timed-out too many times")
        signal.signal(signal.SIGUSR2, lambda *_: (_ for _ in ()).throw(no_more))
        with StopOnSignal(tmp_path), pytest.raises(Interrupted, match="stopped by SIGUSR2: timed-out too many times"):
            signal.raise_signal(signal.SIGUSR2)
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_two_processes_can_not_train_in_one_folder(
    start: Callable[..., Started], whole: dict[str, Any], tmp_path: Path
) -> None:
    first = start(*RUN, "hydra.run.dir=run", hold=at_step(45))
    first.wait_for_hold()
    second = run_script("train.py", "resume=run", cwd=tmp_path)
    assert second.returncode == 1
    (line,) = second.stderr.splitlines()
    assert line.startswith("error: ")
    assert "another process is at work" in line
    first.let_go()
    assert (first.status(), first.stderr) == (0, "")
    assert differing(whole, outcome(tmp_path / "run")) == []
