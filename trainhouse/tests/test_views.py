"""Settings are read by the names of their keys, from the one mapping that is saved."""

import copy
import pickle

import pytest

from trainhouse.configuration.settings import Eval, Infer, SelectBestModel, Train
from trainhouse.configuration.views import Part
from trainhouse.tests.common import composed

PLAIN = {
    "seed": 3,
    "trainer": {"max_epochs": 5},
    "model": {"_target_": "mine.nets.Net", "sizes": [1]},
    "scheduler": None,
}


def test_each_command_has_settings_of_its_own_kind() -> None:
    kinds = {"train": Train, "eval": Eval, "infer": Infer, "select_best_model": SelectBestModel}
    given = {"eval": ["ckpt_path=a"], "infer": ["ckpt_path=a", "input=b", "output=c.csv"]}
    assert [type(composed(*given.get(name, []), config_name=name)) for name in kinds] == [*kinds.values()]


def test_a_key_is_read_by_its_name_and_so_is_one_below_it() -> None:
    settings = Train(PLAIN)
    assert (settings.seed, settings.trainer.max_epochs, settings.model.get("sizes")) == (3, 5, [1])
    assert settings.trainer.plain is PLAIN["trainer"], "nothing is kept twice"


def test_a_part_says_what_it_names() -> None:
    model = Train(PLAIN).model
    assert (model.target, model.name, "sizes" in model, model.get("width")) == ("mine.nets.Net", "Net", True, None)
    assert "sizes" not in Part("mine.nets.Net")


def test_null_is_false_and_so_is_a_part_that_an_older_run_lacks() -> None:
    settings = Train(PLAIN)
    assert not settings.scheduler
    assert not settings.module
    assert list(settings.callbacks.items()) == []


def test_a_key_that_an_older_run_lacks_is_none_where_it_may_be() -> None:
    assert Train(PLAIN).threads is None
    with pytest.raises(AttributeError, match=r"^Train has no preflight$"):
        _ = Train(PLAIN).preflight
    with pytest.raises(AttributeError, match=r"^Train has no sede$"):
        _ = Train(PLAIN).sede  # type: ignore[attr-defined]


def test_other_values_make_new_settings() -> None:
    given = Train(copy.deepcopy(PLAIN))
    new = given.with_values({"seed": 4, "trainer.max_epochs": 6, "callbacks.mine.depth": 1, "scheduler.gamma": 0.5})
    assert given.plain == PLAIN
    assert (new.seed, new.trainer.max_epochs) == (4, 6)
    assert (new.plain["callbacks"], new.plain["scheduler"]) == ({"mine": {"depth": 1}}, {"gamma": 0.5})


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_settings_can_be_copied_and_sent_to_another_process(again) -> None:
    assert again(Train(PLAIN)).plain == PLAIN
