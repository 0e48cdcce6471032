"""Which jobs a sweep runs next, whatever has become of those before. The runs are written by hand."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution

from trainhouse.configuration.errors import UserError
from trainhouse.machine.locks import Worker
from trainhouse.sweeps.folder import give_up
from trainhouse.sweeps.grid import GridPlan
from trainhouse.sweeps.job import Objective
from trainhouse.sweeps.plan import Task
from trainhouse.sweeps.search import SearchPlan
from trainhouse.sweeps.search_settings import Settings
from trainhouse.sweeps.space import grid as grid_of

LOSS = [Objective("val/loss", "min")]
JOBS = [["seed=1", "trainer=cpu"], ["seed=2", "trainer=cpu"], ["seed=3", "trainer=cpu"]]
SAMPLER = {"_target_": "optuna.samplers.RandomSampler", "seed": None}


def begun(folder: Path, number: int, status: str | None = None, loss: float | None = 0.5, **content: Any) -> None:
    """Leave what a job leaves that has begun, and that has ended if `status` is given."""
    run = folder / str(number)
    run.mkdir(exist_ok=True)
    (run / "config.yaml").touch()
    if status:
        metrics = {} if loss is None else {"val/loss": loss}
        (run / "metrics.json").write_text(json.dumps({"status": status, "metrics": metrics, **content}))


def states(plan: Any) -> list[str]:
    return [job.state for job in plan.jobs()]


def numbers(tasks: list[Task]) -> list[int]:
    return [task.number for task in tasks]


def grid(folder: Path, jobs: list[list[str]] = JOBS) -> GridPlan:
    plan = GridPlan(folder, [list(job) for job in jobs], LOSS, "python train.py -m seed=1,2,3 trainer=cpu")
    plan.start()
    return plan


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Callable[..., SearchPlan]]:
    """Make plans of searches in one folder; all are closed in the end."""
    plans = []

    def make(n_trials: int = 3, folder: str = "sweep", **settings: Any) -> SearchPlan:
        given = {
            "storage": f"journal://{tmp_path}/study.journal",
            "study_name": "study",
            "sampler": SAMPLER,
            "pruner": None,
            **settings,
        }
        (tmp_path / folder).mkdir(exist_ok=True)
        space = {"optimizer.lr": FloatDistribution(1e-4, 1e-1, log=True)}
        own = Settings(n_trials=n_trials, **given)
        plans.append(SearchPlan(tmp_path / folder, space, ["trainer=cpu"], None, LOSS, own, "python train.py -m"))
        plans[-1].start()
        return plans[-1]

    yield make
    for plan in plans:
        plan.close()


def test_jobs_that_are_asked_for_twice_run_once_and_are_told_of(tmp_path: Path) -> None:
    plan = grid(tmp_path, [["seed=1", "trainer=cpu"], ["seed=2", "trainer=cpu"], ["seed=1", "trainer=cpu"]])
    assert numbers(plan.next(None)) == [0, 1]
    assert plan.note == "3 jobs were asked for, 2 of them different; repeats differ in seed"
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


def test_a_failed_job_that_a_cluster_begins_anew_is_complete_in_the_end(tmp_path: Path) -> None:
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
    with pytest.raises(UserError, match="none of these jobs is in"):
        GridPlan(tmp_path, [["optimizer.lr=0.01", "seed=1.0"]], LOSS, "another command")


def run_all(plan: SearchPlan, status: str = "completed", at_once: int | None = 1) -> list[int]:
    """Run what the plan has left; return the numbers."""
    done = []
    while tasks := plan.next(at_once):
        for task in tasks:
            begun(plan.folder, task.number, status)
            plan.ended(task, None)
            done.append(task.number)
    return done


# A grid.


def test_a_grid_gives_each_job_once_as_many_at_a_time_as_asked(tmp_path: Path) -> None:
    plan = grid(tmp_path)
    assert numbers(plan.next(2)) == [0, 1]
    assert numbers(plan.next(2)) == [2]
    assert plan.next(None) == []
    plan.close()


def test_a_grid_that_goes_on_runs_what_is_missing_failed_or_interrupted(tmp_path: Path) -> None:
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


def test_a_grid_that_goes_on_with_more_values_keeps_the_old_numbers(tmp_path: Path) -> None:
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


def test_a_grid_is_not_gone_on_with_by_another_command_nor_by_two_at_once(tmp_path: Path) -> None:
    first = grid(tmp_path)
    with pytest.raises(UserError, match="another process is at work"):
        grid(tmp_path)
    first.close()
    with pytest.raises(UserError, match=r"none of these jobs is in .* sweep.resume: python train.py -m seed=1,2,3"):
        grid(tmp_path, [["seed=9"]])
    grid(tmp_path).close()  # the refusal has not kept the folder


def test_a_record_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text("{")
    with pytest.raises(UserError, match=r"sweep\.json: not readable"):
        grid(tmp_path)


# A search.


def test_a_search_runs_as_many_trials_as_the_study_is_to_have(search: Callable[..., SearchPlan]) -> None:
    assert run_all(search(3)) == [0, 1, 2]
    assert run_all(search(3)) == [], "the same command once more has nothing to do"
    assert run_all(search(5)) == [3, 4]
    assert states(search(5)) == ["COMPLETE"] * 5


def test_pruned_trials_count_and_failed_ones_do_not(search: Callable[..., SearchPlan]) -> None:
    run_all(search(2), "pruned")
    plan = search(4)
    (task,) = plan.next(1)
    begun(plan.folder, task.number, "failed", error="diverged")
    plan.ended(task, None)
    assert states(plan) == ["PRUNED", "PRUNED", "FAIL"]
    assert run_all(plan) == [3, 4], "the failed one is replaced"


def test_what_fails_again_and_again_is_not_replaced_for_ever(search: Callable[..., SearchPlan]) -> None:
    plan = search(3)
    (first,) = plan.next(1)
    begun(plan.folder, first.number, "completed")
    plan.ended(first, None)
    assert len(run_all(plan, "failed")) == 5
    plan.close()
    assert len(run_all(search(3), "failed")) == 5, "the same command tries once more"


def test_a_trial_whose_process_is_gone_is_taken_over_first(search: Callable[..., SearchPlan]) -> None:
    first = search(4)
    tasks = first.next(3)
    begun(first.folder, 0, "running")  # cut off
    begun(first.folder, 1, "completed")  # at its end, but nobody has told the study
    first.close()
    second = search(4)
    taken = second.next(None)
    assert [(task.number, task.resumes) for task in taken] == [(0, True), (2, False), (3, False)]
    assert [task.lines for task in taken[:2]] == [tasks[0].lines, tasks[2].lines]
    assert states(second)[1] == "COMPLETE"


def test_two_processes_share_a_study_without_a_trial_in_common(search: Callable[..., SearchPlan]) -> None:
    plans = search(7), search(7)
    found: list[list[int]] = [[], []]
    going = True
    while going:
        going = False
        held = [(index, plan, plan.next(2)) for index, plan in enumerate(plans)]
        for index, plan, tasks in held:
            for task in tasks:
                begun(plan.folder, task.number, "completed")
                plan.ended(task, None)
                found[index].append(task.number)
                going = True
    assert sorted(found[0] + found[1]) == list(range(7))
    assert found[0]
    assert found[1]


def test_ten_failures_at_first_end_a_search(search: Callable[..., SearchPlan]) -> None:
    plan = search(50)
    for _ in range(9):
        plan.ended(plan.next(1)[0], "no memory")
    (last,) = plan.next(1)
    with pytest.raises(UserError, match=r"^the first 10 trials have all failed, the last: no memory$"):
        plan.ended(last, "no memory")
    assert len(plan.jobs()) == 10


def test_a_study_that_goes_on_does_not_draw_its_first_trials_again(search: Callable[..., SearchPlan]) -> None:
    seeded = {**SAMPLER, "seed": 7}
    run_all(search(2, sampler=seeded))
    run_all(search(4, sampler=seeded))
    run_all(search(2, sampler=seeded, folder="again", study_name="again"))
    drawn = [job.overrides["optimizer.lr"] for job in search(4).jobs()]
    again = [job.overrides["optimizer.lr"] for job in search(2, folder="again", study_name="again").jobs()]
    assert len(set(drawn)) == 4
    assert again == drawn[:2], "a seed alone repeats a search"


def test_a_folder_of_another_study_or_another_objective_is_refused(
    search: Callable[..., SearchPlan], tmp_path: Path
) -> None:
    run_all(search(2))
    with pytest.raises(UserError, match="is no trial of the study 'other' in"):
        search(2, study_name="other")
    settings = Settings(2, f"journal://{tmp_path}/study.journal", "study", None, None)
    space = {"x": FloatDistribution(0, 1)}
    with pytest.raises(UserError, match=r"sweep\.metric: .* is a search by"):
        SearchPlan(tmp_path / "sweep", space, [], None, [Objective("a", "max")], settings, "c")


def test_grids_and_searches_do_not_mix(search: Callable[..., SearchPlan], tmp_path: Path) -> None:
    search(1)
    with pytest.raises(UserError, match="holds a search, not a grid"):
        grid(tmp_path / "sweep")
    (tmp_path / "grid").mkdir()
    grid(tmp_path / "grid").close()
    with pytest.raises(UserError, match="holds a grid, not a search"):
        search(1, folder="grid")


@pytest.mark.parametrize(
    ("key", "name", "library"),
    [("sampler", "samplers.GPSampler", "scipy"), ("pruner", "pruners.WilcoxonPruner", "scipy")],
)
def test_a_library_that_is_missing_is_named_before_the_first_trial(
    key: str, name: str, library: str, search: Callable[..., SearchPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainhouse.sweeps.study.find_spec", lambda name: None)
    with pytest.raises(UserError, match=rf"^hydra.sweeper.{key}: \w+ needs {library}; pip install -e '.\[search\]'"):
        search(3, **{key: {"_target_": f"optuna.{name}"}})


def test_a_search_needs_something_to_search_in(tmp_path: Path) -> None:
    settings = Settings(1, None, "study", None, None)
    with pytest.raises(UserError, match="nothing to search in"):
        SearchPlan(tmp_path, {}, [], None, LOSS, settings, "c")


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


def test_a_search_goes_on_where_its_folder_was_moved_or_is_reached_by_another_path(
    search: Callable[..., SearchPlan], tmp_path: Path
) -> None:
    inside = {"storage": f"journal://{tmp_path}/sweep/study.journal"}
    plan = search(2, **inside)
    run_all(plan)
    plan.close()
    (tmp_path / "link").symlink_to("sweep")
    assert states(search(2, folder="link", storage=f"journal://{tmp_path}/link/study.journal")) == ["COMPLETE"] * 2
    (tmp_path / "sweep").rename(tmp_path / "moved")
    moved = search(3, folder="moved", storage=f"journal://{tmp_path}/moved/study.journal")
    assert states(moved) == ["COMPLETE"] * 2
    assert run_all(moved) == [2]


def test_a_space_that_does_not_go_with_the_trials_so_far_is_refused(search: Callable[..., SearchPlan]) -> None:
    plan = search(2)
    run_all(plan)
    with pytest.raises(UserError, match=r"^optimizer\.lr: the trials so far have drawn it from FloatDistribution\("):
        SearchPlan(
            plan.folder,
            {"optimizer.lr": CategoricalDistribution(["0.1", "0.2"])},
            ["trainer=cpu"],
            None,
            LOSS,
            plan.settings,
            "python train.py -m",
        )


def test_more_jobs_than_anyone_means_are_refused() -> None:
    overrides = OverridesParser.create().parse_overrides(["seed=range(0,100000)", "model=linear,cnn"])
    with pytest.raises(UserError, match=r"^200,000 jobs are more than a sweep takes"):
        grid_of(overrides)


def test_a_refused_process_leaves_the_folder_of_the_one_at_work(tmp_path: Path) -> None:
    at_work = GridPlan(tmp_path, [list(job) for job in JOBS], LOSS, "python train.py -m")  # still looking at its jobs
    (tmp_path / "multirun.yaml").touch()
    give_up(tmp_path)
    assert (tmp_path / "multirun.yaml").exists()
    at_work.close()


def test_half_a_record_at_the_end_of_a_journal_is_dropped(search: Callable[..., SearchPlan], tmp_path: Path) -> None:
    plan = search(3)
    run_all(plan)
    plan.close()
    journal = tmp_path / "study.journal"
    whole = journal.read_bytes()
    for cut in (1, 40):
        journal.write_bytes(whole[:-cut])
        plan = search(4)
        assert states(plan)[:3] == ["COMPLETE"] * 3
        plan.close()
        assert all(json.loads(line) for line in journal.read_text().splitlines())


@pytest.mark.parametrize("content", [b"SQLite format 3\0\n and more", b"my notes", b"a line\n"])
def test_what_is_no_journal_is_left_as_it_is(content: bytes, search: Callable[..., SearchPlan], tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(content)
    with pytest.raises(UserError, match=r"^hydra\.sweeper\.storage: .*/mine is no journal of Optuna; name another"):
        search(1, storage=f"journal://{tmp_path}/mine")
    assert (tmp_path / "mine").read_bytes() == content


def _space_of_mine(trial: Any) -> list[str]:
    return [f"model.depth={trial.suggest_int('depth', 1, 3)}"]


def _forgets_to_return(trial: Any) -> None:
    trial.suggest_int("depth", 1, 3)


def _asks_for_what_is_not_there(trial: Any) -> list[str]:
    return [trial.params["depth"]]


def test_examples_have_what_the_users_own_function_adds_and_no_ends_of_intervals(tmp_path: Path) -> None:
    space = {"lr": FloatDistribution(1e-4, 1e-1, log=True), "dropout": FloatDistribution(0, 1)}
    settings = Settings(1, None, "study", None, None)
    plan = SearchPlan(tmp_path, space, ["trainer=cpu"], _space_of_mine, LOSS, settings, "c")
    first, last = plan.examples([])
    assert [line.partition("=")[0] for line in first] == ["lr", "dropout", "model.depth", "trainer"]
    for line in (*first[:2], *last[:2]):
        key, _, value = line.partition("=")
        assert space[key].low < float(value) < space[key].high
    assert float(first[0][3:]) < 1.1e-4
    assert float(last[1][8:]) > 0.99
    plan.close()


@pytest.mark.parametrize(
    ("extend", "message"),
    [
        (_forgets_to_return, "expected a list of overrides as ['model=cnn'] of _forgets_to_return, got None"),
        (_asks_for_what_is_not_there, "_asks_for_what_is_not_there: KeyError: 'depth'"),
    ],
)
def test_a_mistake_in_the_users_own_function_is_named(extend: Any, message: str, tmp_path: Path) -> None:
    plan = SearchPlan(tmp_path, {}, [], extend, LOSS, Settings(1, None, "study", None, None), "c")
    with pytest.raises(UserError) as error:
        plan.examples([])
    assert str(error.value) == f"hydra.sweeper.space: {message}"
    plan.close()
