"""A function of the user's own adds to what a search tries."""

from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import FloatDistribution

from trainhouse.configuration.errors import UserError
from trainhouse.sweeps.search import SearchPlan
from trainhouse.sweeps.search_settings import SearchSettings
from trainhouse.tests.plans import LOSS


def _space_of_mine(trial: Any) -> list[str]:
    return [f"model.depth={trial.suggest_int('depth', 1, 3)}"]


def _forgets_to_return(trial: Any) -> None:
    trial.suggest_int("depth", 1, 3)


def _asks_for_what_is_not_there(trial: Any) -> list[str]:
    return [trial.params["depth"]]


def test_examples_have_what_the_users_own_function_adds_and_no_ends_of_intervals(tmp_path: Path) -> None:
    space = {"lr": FloatDistribution(1e-4, 1e-1, log=True), "dropout": FloatDistribution(0, 1)}
    settings = SearchSettings(1, None, "study", None, None)
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
    plan = SearchPlan(tmp_path, {}, [], extend, LOSS, SearchSettings(1, None, "study", None, None), "c")
    with pytest.raises(UserError) as error:
        plan.examples([])
    assert str(error.value) == f"hydra.sweeper.space: {message}"
    plan.close()
