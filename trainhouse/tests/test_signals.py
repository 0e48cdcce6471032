"""A signal ends a run as its user would want it: nothing is lost, and one line says how to go on."""

import json
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from src.training.module import Module
from trainhouse.configuration.errors import Interrupted
from trainhouse.tests.conftest import run_script
from trainhouse.tests.started import RUN, Hold, Started, whole_run
from trainhouse.tests.test_exact_resume import differing, outcome
from trainhouse.training import build_run
from trainhouse.training.signals import StopOnSignal

STATUS = {"SIGHUP": 129, "SIGINT": 130, "SIGTERM": 143}
STOPPED = re.compile(
    r"stopped by (\w+) at epoch (\d+), step (\d+); saved (\S+/checkpoints/last\.ckpt); continue with: python (.+)"
)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the signals of this platform are others")


def quickly(values: Iterable[str], *quick: str) -> list[Any]:
    """All `values`; those that are not among the `quick` ones are for a slow day."""
    return [value if value in quick else pytest.param(value, marks=pytest.mark.slow) for value in values]


def at_step(step: int) -> Hold:
    return Hold(Module, "training_step", lambda module, *_: not trying_out(module) and module.global_step == step)


def in_validation(epoch: int, batch: int) -> Hold:
    def when(module: Module, _: Any, batch_idx: int) -> bool:
        return not trying_out(module) and (module.current_epoch + 1, batch_idx + 1) == (epoch, batch)

    return Hold(Module, "validation_step", when)


def trying_out(module: Module) -> bool:
    return bool(module.trainer.fast_dev_run)


@pytest.fixture(scope="session")
def whole(made_once: Callable[[str, Callable[[Path], None]], Path]) -> dict[str, Any]:
    """What the run comes to when nobody stops it."""

    return outcome(whole_run(made_once))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Started]]:
    """Start train.py in the test's own folder; whatever is left of it ends with the test."""
    started = []

    def begin(*arguments: str, **options: Any) -> Started:
        started.append(Started("train.py", *arguments, cwd=tmp_path, **options))
        return started[-1]

    yield begin
    for process in started:
        process.kill()


def stopped_line(stderr: str) -> re.Match[str]:
    """The last line; before it there is only the word that the signal has come."""
    lines = stderr.splitlines()
    assert "Traceback" not in stderr
    assert [line for line in lines[:-1] if "finishing this batch" not in line] == []
    found = STOPPED.fullmatch(lines[-1])
    assert found, stderr
    return found


def go_on(command: str, cwd: Path) -> None:
    """Type what the line says."""
    script, *arguments = shlex.split(command)
    done = run_script(script, *arguments, cwd=cwd)
    assert (done.returncode, done.stderr) == (0, "")


def status_of(folder: Path) -> str:
    return json.loads((folder / "metrics.json").read_text())["status"]


@pytest.mark.parametrize("name", STATUS)
def test_a_signal_saves_the_run_which_goes_on_as_if_nothing_had_been(
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
        go_on(command, tmp_path)
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
    go_on(found[5], tmp_path)
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
    assert process.stderr.splitlines()[-1] == "stopped by SIGTERM; continue with: python train.py resume=stopped"
    go_on("train.py resume=stopped", tmp_path)
    assert differing(outcome(tmp_path / "whole"), outcome(tmp_path / "stopped")) == []


@pytest.mark.parametrize("name", quickly(STATUS, "SIGTERM"))
def test_a_signal_while_the_best_model_is_tested_loses_nothing(
    name: str, start: Callable[..., Started], whole: dict[str, Any], tmp_path: Path
) -> None:
    process = start(*RUN, "hydra.run.dir=run", hold=Hold(Module, "test_step"))
    process.wait_for_hold()
    process.send(getattr(signal, name))
    assert process.status() == STATUS[name]  # at once: there is nothing to wait for
    assert process.stderr == f"stopped by {name}; continue with: python train.py resume=run\n"
    assert status_of(tmp_path / "run") == "interrupted"
    go_on("train.py resume=run", tmp_path)
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
        go_on(found[5], tmp_path)
        assert differing(whole, outcome((tmp_path / found[4]).parents[1])) == []


def test_ctrl_c_in_a_process_of_its_own(start: Callable[..., Started], tmp_path: Path) -> None:
    long = ["trainer.max_epochs=1000", "callbacks.early_stopping=null"]
    process = start(*RUN, *long, "data.num_workers=2", fresh=True)
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
def test_a_signal_in_a_sweep_saves_its_job_and_names_the_command_that_goes_on(
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
    assert "4 jobs: 1 complete, 1 interrupted, 2 waiting" in process.stdout
    assert [status_of(tmp_path / "sweep" / job) for job in ("0", "1")] == ["completed", "interrupted"]
    assert not (tmp_path / "sweep" / "2").exists()


def trying(module: Module, *_: Any) -> bool:
    return trying_out(module)


BUILDING = {
    "data is read": Hold(build_run, "build_data"),
    "the model is built": Hold(build_run, "build_module"),
    "a batch is tried out": Hold(Module, "training_step", trying),
}


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
    assert "epoch" not in process.stdout


# A job of SLURM, which says when its time is over.


@pytest.fixture
def slurm(tmp_path: Path) -> dict[str, str]:
    """The environment of job 77; what `scontrol` is asked is kept in the file ``asked``."""
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "scontrol"
    command.write_text(f'#!/bin/sh\necho "$@" >> {shlex.quote(str(tmp_path / "asked"))}\n')
    command.chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "SLURM_JOB_ID": "77", "SLURM_JOB_NAME": "train", "SLURM_NTASKS": "1"}


def asked(tmp_path: Path) -> list[str]:
    return (tmp_path / "asked").read_text().splitlines() if (tmp_path / "asked").exists() else []


def runs(tmp_path: Path) -> list[Path]:
    return sorted(path.parent for path in (tmp_path / "outputs").rglob("metrics.json"))


@pytest.mark.parametrize("argument", quickly(["", "hydra.run.dir=outputs/named", "data.num_workers=2"], ""))
def test_a_slurm_job_whose_time_is_over_is_requeued_and_goes_on_in_its_folder(
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


def test_a_signal_that_is_anothers_is_handed_on_once_the_run_is_saved(tmp_path: Path) -> None:
    """As submitit's, by which it takes a job off a machine."""

    def theirs(signum: int, frame: object) -> None:
        done.append("handed on")
        sys.exit(3)

    done: list[str] = []
    trainer = SimpleNamespace(world_size=1, global_step=3, max_steps=-1, current_epoch=0)
    trainer.save_checkpoint = lambda path: done.append(path.name)
    before = signal.signal(signal.SIGUSR2, theirs)
    try:
        with StopOnSignal(tmp_path) as stop:
            stop.on_train_start(trainer, None)  # type: ignore[arg-type]
            signal.raise_signal(signal.SIGUSR2)
            assert done == []
            with pytest.raises(SystemExit):
                stop.on_train_batch_end(trainer, None, None, None, 0)  # type: ignore[arg-type]
        assert done == ["last.ckpt", "handed on"]
        assert signal.getsignal(signal.SIGUSR2) is theirs
        no_more = OSError("timed-out too many times")
        signal.signal(signal.SIGUSR2, lambda *_: (_ for _ in ()).throw(no_more))
        with StopOnSignal(tmp_path), pytest.raises(Interrupted, match="stopped by SIGUSR2: timed-out too many times"):
            signal.raise_signal(signal.SIGUSR2)
    finally:
        signal.signal(signal.SIGUSR2, before)


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


# Two processes.


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
