"""A study's file may be anybody's: of its trials only values are taken, and nothing in it is run or unpickled."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from trainhouse.configuration.errors import UserError
from trainhouse.machine.locks import Worker
from trainhouse.sweeps.search import SearchPlan
from trainhouse.sweeps.search_settings import SearchSettings
from trainhouse.sweeps.study import open_study
from trainhouse.tests.plans import LOSS

SPACE: Any = {
    "optimizer.lr": FloatDistribution(1e-4, 1e-1, log=True),
    "model": CategoricalDistribution(["cnn", "linear"]),
}
PLANS: list[SearchPlan] = []
EVIL = ["+callbacks.x._target_=pandas.read_pickle", "+callbacks.x.filepath_or_buffer=evil.pkl"]


def plan(folder: Path, fixed: tuple[str, ...] = ("seed=1",), extend: Any = None, n_trials: int = 2) -> SearchPlan:
    folder.mkdir(exist_ok=True)
    settings = SearchSettings(
        n_trials, f"journal://{folder}/study.journal", "study", {"_target_": "optuna.samplers.RandomSampler"}, None
    )
    made = SearchPlan(folder, SPACE, list(fixed), extend, LOSS, settings, "python train.py -m sweep=optuna")
    PLANS.append(made)
    made.start()
    return made


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """All plans are closed in the end."""
    yield
    while PLANS:
        PLANS.pop().close()


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """A search of two trials whose process is gone."""
    folder = tmp_path / "sweep"
    left = plan(folder)
    assert [task.number for task in left.next(2)] == [0, 1]
    left.close()
    return folder


def rewrite(sweep: Path, change: Callable[[dict[str, Any]], None]) -> None:
    journal = sweep / "study.journal"
    records = [json.loads(line) for line in journal.read_text().splitlines()]
    for record in records:
        change(record)
    journal.write_text("".join(f"{json.dumps(record)}\n" for record in records))


def set_attribute(name: str, value: Any, trial: int = 0) -> Callable[[dict[str, Any]], None]:
    def change(record: dict[str, Any]) -> None:
        if record.get("trial_id") == trial and name in record.get("user_attr", {}):
            record["user_attr"][name] = value

    return change


def test_a_trial_is_taken_over_as_this_command_makes_it(sweep: Path) -> None:
    rewrite(sweep, set_attribute("overrides", [*plan_lines(sweep, 0), "launcher=evil", "sweep.x=${oc.env:HOME}"]))
    first, second = plan(sweep).next(2)
    assert first.number == 0
    assert first.lines == plan_lines(sweep, 0)[:3]
    assert second.lines == plan_lines(sweep, 1)


def plan_lines(sweep: Path, number: int) -> list[str]:
    study = optuna.load_study(
        study_name="study",
        storage=optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(f"{sweep}/study.journal")),
    )
    return list(study.trials[number].user_attrs["overrides"])


@pytest.mark.parametrize(
    "more",
    [
        EVIL,
        ["hydra.job.env_set={PATH: x}"],
        ["+hydra/launcher=evil"],
        ["name=${oc.env:HOME}"],
        ["model@_global_=evil"],
        ["+x={_target_: os.system}"],
    ],
)
def test_what_is_more_than_values_is_refused_with_the_file(more: list[str], sweep: Path) -> None:
    rewrite(sweep, set_attribute("overrides", [*plan_lines(sweep, 0), *more]))
    before = sorted(sweep.rglob("*"))
    with pytest.raises(UserError, match=r"study\.journal: trial 0 has the overrides \[.*name another hydra.sweep.dir$"):
        plan(sweep)
    assert sorted(sweep.rglob("*")) == before


@pytest.mark.parametrize("lines", [None, "seed=1", [1], {}, []])
def test_overrides_of_another_kind_are_refused(lines: Any, sweep: Path) -> None:
    rewrite(sweep, set_attribute("overrides", lines))
    with pytest.raises(UserError, match=r"study\.journal: trial 0 has the overrides \[\]"):
        plan(sweep)


@pytest.mark.parametrize("more", [["trainer.max_epochs=9"], ["+callbacks=mine"], ["init_from=other.ckpt"]])
def test_a_trial_of_another_command_is_left_to_it(more: list[str], sweep: Path) -> None:
    rewrite(sweep, set_attribute("overrides", [*plan_lines(sweep, 0), *more]))
    now = plan(sweep)
    assert "trial 0 was begun by another command" in now.note
    assert [task.number for task in now.next(2)] == [1, 2]
    assert [now.is_asked_for(number) for number in (0, 1, 2)] == [False, True, True]


def test_values_that_the_space_does_not_have_are_not_run(sweep: Path) -> None:
    def change(record: dict[str, Any]) -> None:
        if record.get("param_name") == "optimizer.lr" and record["trial_id"] == 0:
            record["param_value_internal"] = 1000.0

    rewrite(sweep, change)
    rewrite(sweep, set_attribute("overrides", ["optimizer.lr=1000.0", *plan_lines(sweep, 0)[1:]]))
    assert [task.number for task in plan(sweep).next(2)] == [1, 2]


def _depth(trial: Any) -> list[str]:
    return [f"model.depth={trial.suggest_int('depth', 1, 3)}", f"name=n{trial.number}"]


def _less_depth(trial: Any) -> list[str]:
    return [f"model.depth={trial.suggest_int('depth', 7, 9)}", f"name=n{trial.number}"]


def test_a_function_of_the_users_own_is_asked_for_the_same_overrides(tmp_path: Path) -> None:
    left = plan(tmp_path / "sweep", extend=_depth)
    before = left.next(2)
    left.close()
    other = plan(tmp_path / "sweep", extend=_less_depth)
    assert "trial 0, 1 was begun by another command" in other.note
    other.close()
    again = plan(tmp_path / "sweep", extend=_depth)
    assert [task.lines for task in again.next(2)] == [task.lines for task in before]


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd", "", 7, None, "host-1-2"])
def test_a_worker_of_any_name_is_gone_and_no_file_is_made_for_it(name: Any, sweep: Path) -> None:
    rewrite(sweep, set_attribute("worker", name))
    (sweep.parent / "outside").write_text("mine")
    assert [task.number for task in plan(sweep).next(2)] == [0, 1]
    assert (sweep.parent / "outside").read_text() == "mine"


def test_a_worker_at_work_is_seen(tmp_path: Path) -> None:
    one, other = Worker(tmp_path), Worker(tmp_path)
    assert one.is_alive(other.name)
    other.close()
    assert not one.is_alive(other.name)
    one.close()


@pytest.mark.parametrize("objectives", ["x", [1], [["a"]], {"a": 1}])
def test_objectives_of_another_kind_are_refused_in_one_line(objectives: Any, sweep: Path) -> None:
    def change(record: dict[str, Any]) -> None:
        if "objectives" in record.get("user_attr", {}):
            record["user_attr"]["objectives"] = objectives

    rewrite(sweep, change)
    with pytest.raises(UserError, match="is no search of this project"):
        plan(sweep)


@pytest.mark.parametrize(
    "line",
    ['{"op_code": 99}', '{"op_code": 4, "worker_id": "x"}', "[" * 5000, '{"op_code": "a"}', "{}", "[]", "null"],
)
def test_a_damaged_journal_ends_in_a_line(line: str, sweep: Path) -> None:
    with open(sweep / "study.journal", "a") as file:
        file.write(f"{line}\n")
    with pytest.raises(UserError) as refused:
        plan(sweep)
    assert str(refused.value).startswith(f"{sweep}/study.journal: damaged (")
    assert str(refused.value).endswith("); restore it, or start another search, in another hydra.sweep.dir")
    assert "\n" not in str(refused.value)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("wrapped", [False, True])
def test_the_sampler_that_unpickles_is_refused_before_it_is_asked(wrapped: bool, sweep: Path, tmp_path: Path) -> None:
    sampler: dict[str, Any] = {"_target_": "optuna.samplers.CmaEsSampler"}
    if wrapped:
        fixed = {"_target_": "optuna.samplers.PartialFixedSampler", "fixed_params": {}}
        sampler = {**fixed, "base_sampler": sampler}
    with pytest.raises(UserError, match=r"^hydra\.sweeper\.sampler: CmaEsSampler unpickles"):
        open_study(f"journal://{sweep}/study.journal", "study", None, sampler, LOSS)
