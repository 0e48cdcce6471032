"""What the tests compose sooner is what Hydra composes."""

import copy
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal import config_loader_impl, defaults_list
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from omegaconf import DictConfig, OmegaConf

from trainhouse.tests import composing
from trainhouse.tests.common import CONF


def outcome(*overrides: str) -> Any:
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return OmegaConf.to_yaml(compose("train", list(overrides), return_hydra_config=True))
    except Exception as error:
        return repr(error)


@pytest.mark.parametrize(
    "overrides",
    [
        ("optimizer.lr=1", "hydra.run.dir=x", "tags=[a]"),
        ("model=cnn", "data=digits", "model.channels=[4]"),
        ("callbacks=[default,ema]", "~callbacks.progress_bar", "+trainer.logger=false"),
        ("experiment=gan", "loss={a: 1}"),
        ("experiment=gan", "model=no_such_model"),
        ("hydra.searchpath=[file:///nowhere]", "sweep=optuna"),
        (f"hydra.searchpath=[file://{composing._PAIRS}]", "experiment=weighted", "trainer.max_epochs=3"),
        ("+new.key=1", "~logger"),
    ],
)
def test_each_choice_is_composed_as_by_hydra_itself(overrides, monkeypatch):
    first, again = outcome(*overrides), outcome(*overrides)
    monkeypatch.setattr(config_loader_impl, "create_defaults_list", defaults_list.create_defaults_list)
    monkeypatch.setattr(ConfigLoaderImpl, "_compose_config_from_defaults_list", composing._compose)
    monkeypatch.setattr(OmegaConf, "load", composing._load)
    monkeypatch.setattr(DictConfig, "__deepcopy__", composing._deepcopy)
    assert first == again == outcome(*overrides)


def test_what_is_done_to_one_configuration_does_not_reach_the_next():
    before = outcome("model=linear")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", ["model=linear"])
    OmegaConf.set_struct(config, False)
    config.optimizer.lr = config.new = 7
    assert outcome("model=linear") == before


def test_a_copy_is_one_of_omegaconf_itself():
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", return_hydra_config=True)
    OmegaConf.set_readonly(config.hydra, True)
    for part in (config, config.hydra, config.callbacks):
        copied, expected = copy.deepcopy(part), composing._deepcopy(part, {})
        assert copied == expected
        assert copied._metadata == expected._metadata
        assert copied._parent is expected._parent is part._parent
        assert OmegaConf.is_readonly(copied) == OmegaConf.is_readonly(expected)
        assert OmegaConf.get_type(copied) is OmegaConf.get_type(expected)
    copied.progress_bar = None
    assert config.callbacks.progress_bar is not None


def test_what_can_not_be_pickled_is_copied_too():
    config = OmegaConf.create({"a": {"b": lambda: 1}}, flags={"allow_objects": True})
    assert copy.deepcopy(config.a).b() == 1
    assert copy.deepcopy(config.a)._parent is config
