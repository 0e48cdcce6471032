"""What a sweep takes from its configuration: what is compared, how many at once, and how a job hears of it."""

import shlex
from pathlib import Path
from typing import ClassVar

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

from trainhouse.configuration.errors import UserError
from trainhouse.runs.typed import as_override
from trainhouse.sweeps.job import Objective
from trainhouse.sweeps.plan import Task
from trainhouse.sweeps.settings import jobs_at_once, lines_of, objectives_of, own_objective, resumed_command


def test_one_metric_or_several_can_be_compared() -> None:
    assert objectives_of(DictConfig({"metric": "val/loss", "mode": "min"})) == [Objective("val/loss", "min")]
    several = {"metric": ["val/loss", "mine"], "mode": ["min", "max"]}
    assert objectives_of(DictConfig(several)) == [Objective("val/loss", "min"), Objective("mine", "max")]


@pytest.mark.parametrize(
    ("metric", "mode", "message"),
    [
        ("val/loss", ["min", "max"], "sweep.mode: expected min or max for each of val/loss"),
        ("val/loss", "least", "sweep.mode: expected min or max for each of val/loss"),
        (None, "min", "sweep.metric: expected the name of a metric, or a list of them, got None"),
        (["a", "a"], ["min", "min"], "sweep.metric: names one metric twice: a, a"),
    ],
)
def test_what_can_not_be_compared_is_refused(metric: object, mode: object, message: str) -> None:
    with pytest.raises(UserError) as error:
        objectives_of(DictConfig({"metric": metric, "mode": mode}))
    assert str(error.value).startswith(message)


class Monitored:
    """As a module that says what it is measured by."""

    monitor = "val/dice"
    directions: ClassVar = {"val/dice": "max"}


class Silent:
    """As a module that says nothing."""


def sweeping(model: str, *overrides: str, monitor: str = "val/loss") -> DictConfig:
    hydra = {"overrides": {"task": list(overrides)}}
    return DictConfig({"hydra": hydra, "model": {"_target_": model}, "monitor": monitor, "mode": "min"})


def test_a_module_of_ones_own_says_what_its_sweep_compares() -> None:
    assert own_objective(sweeping(f"{__name__}.Monitored", "seed=1,2")) == Objective("val/dice", "max")


@pytest.mark.parametrize(
    "config",
    [
        sweeping(f"{__name__}.Monitored", "monitor=val/loss"),
        sweeping(f"{__name__}.Monitored", "+sweep.metric=val/loss"),
        sweeping(f"{__name__}.Monitored", "experiment=mine", monitor="val/iou"),
        sweeping(f"{__name__}.Silent"),
        sweeping(f"{__name__}.Nothing"),
        sweeping("src.models.linear.Linear"),
        sweeping("nowhere.at.all.Net"),
        sweeping("nothing"),
    ],
    ids=["typed monitor", "typed metric", "configured", "silent", "not there", "a network", "no module", "no name"],
)
def test_a_sweep_compares_what_its_configuration_says_unless_only_the_module_says_something(config) -> None:
    assert own_objective(config) is None


@pytest.mark.parametrize(
    ("n_jobs", "launcher", "all_at_once", "expected"),
    [
        (None, "x.BasicLauncher", True, (1, False)),
        (1, "x.BasicLauncher", False, (1, False)),
        (None, "x.JoblibLauncher", True, (None, True)),
        (None, "x.JoblibLauncher", False, (4, True)),
        (2, "x.JoblibLauncher", False, (2, True)),
    ],
)
def test_a_launcher_gets_as_many_jobs_as_it_runs_at_once(
    n_jobs: int | None, launcher: str, all_at_once: bool, expected: tuple[int | None, bool]
) -> None:
    config = DictConfig({"_target_": launcher, "n_jobs": 4})
    assert jobs_at_once(n_jobs, config, all_at_once) == expected


def test_a_launcher_that_would_run_nothing_is_refused() -> None:
    with pytest.raises(UserError, match=r"hydra\.launcher\.n_jobs: expected a whole number from 1 up, or -1 for all"):
        jobs_at_once(None, DictConfig({"_target_": "x.JoblibLauncher", "n_jobs": 0}), all_at_once=True)


def test_jobs_at_a_time_need_a_launcher_for_them() -> None:
    with pytest.raises(UserError, match=r"hydra\.sweeper\.n_jobs: 3 trials at a time need a launcher"):
        jobs_at_once(3, DictConfig({"_target_": "x.BasicLauncher"}), all_at_once=True)


@pytest.mark.parametrize(("asked", "cores", "parallel"), [(1, 2, False), (-1, 1, False), (-1, 2, True), (-2, 2, False)])
def test_a_launcher_of_one_process_uses_the_sweeps_own(asked: int, cores: int, parallel: bool, monkeypatch) -> None:
    monkeypatch.setattr("trainhouse.sweeps.settings.available_cores", lambda: cores)
    assert jobs_at_once(None, DictConfig({"_target_": "x.JoblibLauncher", "n_jobs": asked}), True) == (None, parallel)


def test_a_job_that_is_resumed_gets_its_folder() -> None:
    folder = Path("/it's a sweep")
    lines = lines_of(Task(3, ["seed=1"], resumes=True), folder, "joblib")
    assert lines[:2] == ["seed=1", "launcher=joblib"]
    assert "hydra.sweep.dir='/it\\'s a sweep'" in lines
    assert "resume='/it\\'s a sweep/3'" in lines
    assert not any(line.startswith("resume=") for line in lines_of(Task(3, ["seed=1"]), folder, "joblib"))


@pytest.mark.parametrize(("in_place", "key"), [(True, "hydra.sweep.dir"), (False, "sweep.resume")])
def test_the_command_that_resumes_it_can_be_typed_as_it_is(in_place: bool, key: str) -> None:
    arguments = ["train.py", "-m", "model.hidden_sizes=[64],[8]", "hydra.sweep.dir=old", "sweep.resume=old"]
    command = resumed_command(arguments, Path("my sweep"), in_place)
    assert shlex.split(command) == ["python", "train.py", "-m", "model.hidden_sizes=[64],[8]", f"{key}='my sweep'"]


@pytest.mark.parametrize(
    "name", ["plain", "a b", "it's", "lr=1e-3", 'say "no"', "back\\", "a\\b", "$HOME", "x,y", "a:b"]
)
def test_a_path_arrives_as_it_is_from_the_shell_through_hydra(name: str) -> None:
    [argument] = shlex.split(as_override("runs", Path(name)))
    assert OverridesParser.create().parse_override(argument).value() == name
