"""A job of a sweep is composed from what is known already, and is what Hydra composes."""

import pickle
from typing import Any

import pytest
from hydra import initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import ConfigCompositionException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from trainhouse.configuration.schema import CONF

compose_once = pytest.importorskip("trainhouse.fast.composing", exc_type=ImportError).compose_once

MASTER = ["sweep=optuna", "hydra.sweep.dir=somewhere", "model.hidden_sizes=[8]"]
JOBS = [
    ["optimizer.lr=0.1", "hydra.sweep.dir='it\\'s here'", "hydra.sweep.subdir='3'"],
    ["optimizer.lr=0.2", "data.batch_size=16", "hydra.sweep.subdir='4'"],
    ["model=cnn", "optimizer=sgd", "optimizer.lr=0.2", "launcher=basic"],
    ["optimizer=sgd", "model=cnn", "++model.channels=[4]", "+trainer.max_time=1", "~callbacks.early_stopping"],
    ["~scheduler", "seed=3", "seed=4"],
]


@pytest.fixture
def loader() -> ConfigLoaderImpl:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return GlobalHydra.instance().config_loader()  # type: ignore[return-value]


def composed(loader: ConfigLoaderImpl, master: DictConfig) -> list[Any]:
    """Return the jobs as they are written: resolved, the time in a folder's name would differ now and then."""
    return [OmegaConf.to_container(loader.load_sweep_config(master, job), resolve=False) for job in JOBS]


def test_a_job_is_what_hydra_composes_also_in_another_process(loader: ConfigLoaderImpl) -> None:
    master = loader.load_configuration("train", MASTER, RunMode.MULTIRUN)
    expected = composed(loader, master)
    compose_once(loader)
    for _ in range(2):
        assert composed(loader, master) == expected
    again = pickle.loads(pickle.dumps(loader))
    assert composed(again, master) == expected


def test_a_time_is_that_of_the_sweep(loader: ConfigLoaderImpl) -> None:
    master = loader.load_configuration("train", ["name='${now:%H-%M-%S-%f}'"], RunMode.MULTIRUN)
    started = master.name
    compose_once(loader)
    job = loader.load_sweep_config(master, ["name='${now:%H-%M-%S-%f}'", "seed=2"])
    assert job.name == started


@pytest.mark.parametrize("job", [["model=cnnn"], ["optimizer.lrr=1"], ["seed=1", "~nothing"]])
def test_what_can_not_be_composed_is_refused_as_ever(job: list[str], loader: ConfigLoaderImpl) -> None:
    master = loader.load_configuration("train", [], RunMode.MULTIRUN)
    with pytest.raises(ConfigCompositionException) as expected:
        loader.load_sweep_config(master, job)
    compose_once(loader)
    with pytest.raises(ConfigCompositionException) as found:
        loader.load_sweep_config(master, job)
    assert str(found.value) == str(expected.value)
