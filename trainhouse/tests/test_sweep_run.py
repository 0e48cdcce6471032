"""However a launcher ends, what its jobs came to is kept, and what is left is said. The jobs are written by hand."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from trainhouse.configuration.errors import Interrupted, UserError
from trainhouse.machine.sweep_worker import check_not_stopped, new_stop_mark, stop_asked
from trainhouse.sweeps.grid import GridPlan
from trainhouse.sweeps.plan import Task
from trainhouse.sweeps.progress import Progress
from trainhouse.sweeps.run_sweep import _stopping, run_sweep
from trainhouse.tests.plans import JOBS, begun, grid, states


class TerminatedWorkerError(Exception):
    """As joblib's: a process was killed."""


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[GridPlan]:
    """Three jobs that nobody has run."""
    made = grid(tmp_path)
    yield made
    made.close()


def run(plan: GridPlan, launch: Callable[[Sequence[Task]], list[str | None]]) -> None:
    mark = new_stop_mark(plan.folder)
    run_sweep(plan, launch, plan.folder, None, parallel=True, command="the command", mark=mark)


def works_on(plan: GridPlan, number: int, status: str | None) -> None:
    """Leave what a job leaves, its log too."""
    begun(plan.folder, number, status)
    (plan.folder / str(number) / "logs").mkdir(exist_ok=True)
    with open(plan.folder / str(number) / "logs" / "training.log", "a") as log:
        log.write("line\n")


def test_jobs_that_a_killed_one_kept_from_beginning_are_run(plan: GridPlan, capsys: pytest.CaptureFixture[str]) -> None:
    launched = []

    def launch(tasks: Sequence[Task]) -> list[str | None]:
        launched.append([task.number for task in tasks])
        if len(launched) == 1:
            works_on(plan, 0, "completed")
            works_on(plan, 1, None)
            raise TerminatedWorkerError("killed")
        for task in tasks:
            works_on(plan, task.number, "completed")
        return [None] * len(tasks)

    with pytest.raises(UserError, match=r"^1 of the sweep's 3 trials failed, as said above; .*: the command$"):
        run(plan, launch)
    assert launched == [[0, 1, 2], [2]]
    assert states(plan) == ["COMPLETE", "FAIL", "COMPLETE"]
    assert "trial 1 failed: seed=2: its process, or one beside it, was killed" in capsys.readouterr().out


def test_what_was_to_be_resumed_and_did_not_begin_is_no_failure(plan: GridPlan) -> None:
    for number in range(3):
        works_on(plan, number, "interrupted")
    launched = []

    def launch(tasks: Sequence[Task]) -> list[str | None]:
        launched.append([task.number for task in tasks])
        for task in tasks:
            works_on(plan, task.number, "completed" if len(launched) > 1 else "running")
            if len(launched) == 1:
                raise TerminatedWorkerError("killed")
        return [None] * len(tasks)

    with pytest.raises(UserError, match="1 of the sweep's 3 trials failed"):
        run(plan, launch)
    assert launched == [[0, 1, 2], [1, 2]]
    assert states(plan) == ["FAIL", "COMPLETE", "COMPLETE"]


def test_a_launcher_that_fails_leaves_the_results_of_its_jobs(plan: GridPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    def launch(tasks: Sequence[Task]) -> list[str | None]:
        works_on(plan, 0, "completed")
        works_on(plan, 1, "running")
        raise RuntimeError("the cluster is gone\nmore")

    monkeypatch.setattr("trainhouse.sweeps.run_sweep._TIME_TO_STOP", 0.6)
    said = "the cluster is gone; the other trials that it had started were asked to save and stop"
    with pytest.raises(UserError, match=rf"^launcher: RuntimeError: {said}; continue with: the command$"):
        run(plan, launch)
    assert stop_asked(), "nobody waits for job 1 any more: it saves and stops"
    assert "COMPLETE" in (plan.folder / "results.csv").read_text()
    assert (plan.folder / "best.yaml").is_file()
    assert states(plan) == ["COMPLETE", "RUNNING", "WAITING"]


def test_a_job_that_was_stopped_by_itself_is_not_passed_over(plan: GridPlan) -> None:
    def launch(tasks: Sequence[Task]) -> list[str | None]:
        for task in tasks:
            works_on(plan, task.number, "interrupted" if task.number == 1 else "completed")
        return [None] * len(tasks)

    with pytest.raises(UserError, match=r"^trial 1 was stopped before its end; continue with: the command$"):
        run(plan, launch)


def test_jobs_of_another_command_in_the_same_folder_are_not_this_ones(tmp_path: Path) -> None:
    grid(tmp_path).close()
    for number, status in enumerate(["completed", "interrupted", "failed"]):
        begun(tmp_path, number, status)
    plan = grid(tmp_path, [JOBS[0]])
    run(plan, lambda tasks: pytest.fail(f"there is nothing left to run, but got {tasks}"))
    plan.close()


def test_a_sweep_that_nothing_keeps_names_no_command_to_resume_it(
    plan: GridPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def launch(tasks: Sequence[Task]) -> list[str | None]:
        raise Interrupted(signal.SIGINT)

    monkeypatch.setattr(plan, "is_kept", False)
    with pytest.raises(Interrupted, match="it can't be resumed, since nothing keeps it"):
        run(plan, launch)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is Linux's")
def test_a_sweep_whose_log_can_not_be_written_continues(plan: GridPlan, capsys: pytest.CaptureFixture[str]) -> None:
    (plan.folder / "logs").mkdir()
    (plan.folder / "logs" / "sweep.log").symlink_to("/dev/full")

    def launch(tasks: Sequence[Task]) -> list[str | None]:
        for task in tasks:
            works_on(plan, task.number, "completed")
        return [None] * len(tasks)

    run(plan, launch)
    said = capsys.readouterr()
    assert said.err.count("No space left on device") == 1
    assert said.out.count("\ntrial ") == 3


def test_what_the_progress_can_not_say_ends_nothing(plan: GridPlan, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def launch(tasks: Sequence[Task]) -> list[str | None]:
        for task in tasks:
            works_on(plan, task.number, "completed")
        monkeypatch.setattr(Progress, "_look", no_space)
        return [None] * len(tasks)

    def no_space(self: Progress) -> None:
        raise OSError(28, "No space left on device")

    run(plan, launch)
    assert capsys.readouterr().err.count("warning: progress: OSError: [Errno 28] No space left on device") == 1


@pytest.mark.parametrize("parallel", [False, True])
def test_a_signal_whose_exception_is_lost_ends_the_sweep_all_the_same(parallel: bool, tmp_path: Path) -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with _stopping(new_stop_mark(tmp_path), parallel) as stopped:
            check_not_stopped()
            with suppress(Interrupted):  # as Python itself does where it can't raise
                signal.raise_signal(signal.SIGTERM)
            assert stopped == [signal.SIGTERM]
            with pytest.raises(Interrupted):
                check_not_stopped()
    finally:
        signal.signal(signal.SIGTERM, before)
        new_stop_mark(tmp_path)
