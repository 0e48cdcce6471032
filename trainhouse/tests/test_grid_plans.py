"""Which jobs of a grid run next, whatever has become of those before. The runs are written by hand."""

import json
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from trainhouse.configuration.errors import UserError
from trainhouse.machine.locks import Worker
from trainhouse.sweeps.folder import give_up
from trainhouse.sweeps.grid import GridPlan
from trainhouse.sweeps.job import Objective
from trainhouse.sweeps.plan import Task
from trainhouse.sweeps.space import grid as grid_of
from trainhouse.tests.plans import JOBS, LOSS, begun, grid, numbers, states


def test_jobs_that_are_asked_for_twice_run_once_and_are_named(tmp_path: Path) -> None:
    plan = grid(tmp_path, [["seed=1", "trainer=cpu"], ["seed=2", "trainer=cpu"], ["seed=1", "trainer=cpu"]])
    assert numbers(plan.next(None)) == [0, 1]
    assert plan.note == "3 trials were asked for, 2 of them different; repeats differ in seed"
    plan.close()


def test_a_job_that_could_not_begin_has_failed_until_it_is_asked_for_again(tmp_path: Path) -> None:
    plan = grid(tmp_path)
    plan.next(None)
    plan.ended(Task(0, JOBS[0]), "lr has to be positive")
    plan.close()
    plan = grid(tmp_path, JOBS[1:])
    assert (states(plan)[0], plan.jobs()[0].error) == ("FAIL", "lr has to be positive")
    assert [plan.is_asked_for(number) for number in range(3)] == [False, True, True]
    plan.close()
    plan = grid(tmp_path)
    assert states(plan)[0] == "WAITING"
    assert numbers(plan.next(None)) == [0, 1, 2]
    plan.close()


def test_a_failed_job_that_a_cluster_starts_again_is_complete_in_the_end(tmp_path: Path) -> None:
    plan = grid(tmp_path)
    begun(tmp_path, 0, "failed", error="144\nmore")
    assert (states(plan)[0], plan.jobs()[0].error) == ("FAIL", "144")
    begun(tmp_path, 0, "completed")
    assert states(plan)[0] == "COMPLETE"
    plan.close()


@pytest.mark.parametrize(("before", "now"), [("1e-2", "0.01"), ("0.01", "1e-2"), ("1E-2", "0.010")])
def test_a_number_is_the_same_however_it_is_written(before: str, now: str, tmp_path: Path) -> None:
    grid(tmp_path, [[f"optimizer.lr={before}", "seed=1"]]).close()
    plan = grid(tmp_path, [[f"optimizer.lr={now}", "seed=1"], ["optimizer.lr=0.001", "seed=1"]])
    assert plan.total() == 2
    plan.close()
    with pytest.raises(UserError, match="none of these trials is in"):
        GridPlan(tmp_path, [["optimizer.lr=0.01", "seed=1.0"]], LOSS, "another command")


def test_a_grid_gives_each_job_once_as_many_at_a_time_as_asked(tmp_path: Path) -> None:
    plan = grid(tmp_path)
    assert numbers(plan.next(2)) == [0, 1]
    assert numbers(plan.next(2)) == [2]
    assert plan.next(None) == []
    plan.close()


def test_a_grid_that_is_resumed_runs_what_is_missing_failed_or_interrupted(tmp_path: Path) -> None:
    grid(tmp_path).close()
    begun(tmp_path, 0, "completed")
    begun(tmp_path, 1, "failed", error="out of memory")
    begun(tmp_path, 2, "interrupted")
    plan = grid(tmp_path)
    assert [(task.number, task.resumes) for task in plan.next(None)] == [(1, False), (2, True)]
    assert json.loads((tmp_path / "1.failed-1" / "metrics.json").read_text())["error"] == "out of memory"
    assert not (tmp_path / "1").exists(), "a failed job is tried again, in a folder of its own"
    plan.close()


def test_a_job_that_fails_twice_leaves_both_of_its_folders(tmp_path: Path) -> None:
    for _ in range(2):
        grid(tmp_path).close()
        begun(tmp_path, 0, "failed")
    grid(tmp_path).close()
    assert {path.name for path in tmp_path.glob("0*")} == {"0.failed-1", "0.failed-2"}


def test_a_grid_that_is_resumed_with_more_values_keeps_the_old_numbers(tmp_path: Path) -> None:
    grid(tmp_path).close()
    begun(tmp_path, 1, "completed")
    plan = grid(tmp_path, [["trainer=cpu", "seed=4"], ["trainer=cpu", "seed=2"]])  # in another order
    assert [(task.number, task.lines) for task in plan.next(None)] == [(3, ["trainer=cpu", "seed=4"])]
    assert plan.total() == 4
    plan.close()


def test_a_plan_that_is_not_started_leaves_everything_as_it_is(tmp_path: Path) -> None:
    grid(tmp_path).close()
    begun(tmp_path, 0, "completed")
    record = (tmp_path / "sweep.json").read_text()
    plan = GridPlan(tmp_path, JOBS, [Objective("val/los", "min")], "python train.py -m")  # a name that nobody logs
    assert states(plan) == ["FAIL", "WAITING", "WAITING"]
    plan.close()
    assert (tmp_path / "0").is_dir()
    assert (tmp_path / "sweep.json").read_text() == record


def test_how_the_sweep_runs_is_no_part_of_a_job(tmp_path: Path) -> None:
    grid(tmp_path).close()
    begun(tmp_path, 0, "completed")
    plan = grid(tmp_path, [[*job, "sweep.metric=val/loss", "launcher=joblib"] for job in JOBS])
    assert numbers(plan.next(None)) == [1, 2]
    plan.close()


def test_a_job_without_the_sweeps_metric_has_failed(tmp_path: Path) -> None:
    grid(tmp_path).close()
    begun(tmp_path, 0, "completed", loss=None)
    plan = grid(tmp_path)
    assert numbers(plan.next(None)) == [0, 1, 2]
    plan.close()


def test_a_grid_is_not_resumed_by_another_command_nor_by_two_at_once(tmp_path: Path) -> None:
    first = grid(tmp_path)
    with pytest.raises(UserError, match="another process is at work"):
        grid(tmp_path)
    first.close()
    with pytest.raises(UserError, match=r"none of these trials is in .* sweep.resume: python train.py -m seed=1,2,3"):
        grid(tmp_path, [["seed=9"]])
    grid(tmp_path).close()  # the refusal has not kept the folder


def test_a_record_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text("{")
    with pytest.raises(UserError, match=r"sweep\.json: not readable"):
        grid(tmp_path)


@pytest.mark.parametrize("others", [False, True])
def test_what_never_ran_is_given_up_but_not_what_another_process_joined(others: bool, tmp_path: Path) -> None:
    sweep = tmp_path / "sweep"
    sweep.mkdir()
    for name in ("sweep.json", "multirun.yaml", "study.journal"):
        (sweep / name).touch()
    other = Worker(sweep / ".workers") if others else None
    for name in (".env", "logs"):
        (sweep / name).mkdir()
    give_up(sweep)
    assert (sweep / "study.journal").exists() is others
    assert (sweep / ".env").exists(), "what the user had there before"
    assert (sweep / "logs").exists()
    if other:
        other.close()


def test_more_jobs_than_anyone_means_are_refused() -> None:
    overrides = OverridesParser.create().parse_overrides(["seed=range(0,100000)", "model=linear,cnn"])
    with pytest.raises(UserError, match=r"^200,000 trials are more than a sweep takes"):
        grid_of(overrides)


def test_a_refused_process_leaves_the_folder_of_the_one_at_work(tmp_path: Path) -> None:
    at_work = GridPlan(tmp_path, [list(job) for job in JOBS], LOSS, "python train.py -m")  # still looking at its jobs
    (tmp_path / "multirun.yaml").touch()
    give_up(tmp_path)
    assert (tmp_path / "multirun.yaml").exists()
    at_work.close()
