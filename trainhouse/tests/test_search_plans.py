"""Which trials of a search run next, whatever has become of those before. The runs are written by hand."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from trainhouse.configuration.errors import UserError
from trainhouse.sweeps.job import Objective
from trainhouse.sweeps.search import SearchPlan
from trainhouse.sweeps.search_settings import SearchSettings
from trainhouse.tests.plans import LOSS, begun, grid, states

SAMPLER = {"_target_": "optuna.samplers.RandomSampler", "seed": None}


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
        own = SearchSettings(n_trials=n_trials, **given)
        plans.append(SearchPlan(tmp_path / folder, space, ["trainer=cpu"], None, LOSS, own, "python train.py -m"))
        plans[-1].start()
        return plans[-1]

    yield make
    for plan in plans:
        plan.close()


def run_all(plan: SearchPlan, status: str = "completed", at_once: int | None = 1) -> list[int]:
    """Run what the plan has left; return the numbers."""
    done = []
    while tasks := plan.next(at_once):
        for task in tasks:
            begun(plan.folder, task.number, status)
            plan.ended(task, None)
            done.append(task.number)
    return done


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
    begun(first.folder, 1, "completed")  # at its end, but the study does not know it
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


def test_a_study_that_is_resumed_does_not_draw_its_first_trials_again(search: Callable[..., SearchPlan]) -> None:
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
    settings = SearchSettings(2, f"journal://{tmp_path}/study.journal", "study", None, None)
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
    settings = SearchSettings(1, None, "study", None, None)
    with pytest.raises(UserError, match="nothing to search in"):
        SearchPlan(tmp_path, {}, [], None, LOSS, settings, "c")


def test_a_search_is_resumed_where_its_folder_was_moved_or_is_reached_by_another_path(
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


def test_a_trial_that_a_cluster_completes_after_it_failed_is_complete(search: Callable[..., SearchPlan]) -> None:
    plan = search(1)
    (task,) = plan.next(1)
    begun(plan.folder, task.number, "failed", error="preempted")
    plan.ended(task, None)
    begun(plan.folder, task.number, "completed")
    assert states(plan) == ["COMPLETE"]


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
