"""Before a sweep's first job: what all jobs do wrong is found, what only some do is theirs."""

from typing import Any, ClassVar

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from torch import Tensor

from trainhouse.tests.common import CONF
from trainhouse.tests.own import OwnData, OwnModule
from trainhouse.tests.test_own_preflight import Locked
from trainhouse.training.check_jobs import common_mistake


class Measured(OwnModule):
    """Names its values in the way of its author."""

    directions: ClassVar = {"valid_dice": "max"}
    monitor = "valid_dice"

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.log("valid_dice", self.layer(batch[0]).mean())

    def test_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.log("test_dice", self.layer(batch[0]).mean())


class Shared(Measured):
    """One step for validation and test."""

    test_step = Measured.validation_step


class Split(OwnData):
    def val_dataloader(self) -> Any:
        return self.train_dataloader()

    test_dataloader = val_dataloader


class Untested(OwnData):
    """Has nothing to test on."""

    def val_dataloader(self) -> Any:
        return self.train_dataloader()


class Loads(Measured):
    """Has a loader of its own."""

    def val_dataloader(self) -> Any:
        return []


class Scored(OwnModule):
    """Does not say which end of its score is better."""

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.log("valid_score", self.layer(batch[0]).mean())


def job(*overrides: str) -> DictConfig:
    """Compose as Hydra does for a job."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", ["name=test", "trainer=cpu", *overrides], return_hydra_config=True)


def own(module: type, data: type = Split, *overrides: str) -> DictConfig:
    config = job(*overrides)
    config.model = {"_target_": f"{module.__module__}.{module.__qualname__}"}
    config.data = {"_target_": f"{data.__module__}.{data.__qualname__}"}
    return config


FAKE = ["data.rows=60", "data.path=rows.npy"]


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ({"val/loss": "min", "test/acc": "max"}, None),
        ({"val/acc": "min"}, "sweep.mode: min would take the worst val/acc for the best; set sweep.mode=max"),
        ({"val/los": "min"}, "sweep.metric: 'val/los' is not logged; did you mean 'val/loss'? (there are: "),
    ],
)
def test_what_is_compared_is_logged_and_its_better_end_is_taken(metrics: dict[str, str], expected: str | None) -> None:
    found = common_mistake([job(*FAKE)], metrics)
    assert found is None if expected is None else str(found).startswith(expected)


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ({"valid_dice": "max"}, None),
        ({"test_dice": "max"}, None),
        ({"train/loss": "min"}, None),
        ({"valid_dice": "min"}, "sweep.mode: min would take the worst valid_dice for the best; set sweep.mode=max"),
        ({"val_dice": "max"}, "sweep.metric: 'val_dice' is not logged; did you mean 'valid_dice'?"),
    ],
)
def test_a_module_of_ones_own_is_tried_out_for_its_names(metrics: dict[str, str], expected: str | None) -> None:
    found = common_mistake([own(Measured)], metrics)
    assert found is None if expected is None else str(found).startswith(expected)


def test_of_a_module_that_can_not_be_tried_any_name_may_be_logged() -> None:
    assert common_mistake([own(Locked, OwnData, "monitor=null")], {"train/anything": "max"}) is None


@pytest.mark.parametrize(
    ("data", "mode", "expected"),
    [
        (Split, "max", "None"),
        (Split, "min", "sweep.mode: min would take the worst test/valid_dice for the best; set sweep.mode=max"),
        (Untested, "max", "sweep.metric: 'test/valid_dice' is not logged"),
    ],
)
def test_what_the_test_logs_under_validations_name_may_be_compared(data: type, mode: str, expected: str) -> None:
    assert str(common_mistake([own(Shared, data)], {"test/valid_dice": mode})).startswith(expected)


def test_loaders_that_the_data_would_replace_and_an_open_direction_are_mistakes_of_all() -> None:
    found = common_mistake([own(Loads)], {"valid_dice": "max"})
    assert str(found).startswith(f"model: {__name__}.Loads has val_dataloader of its own")
    found = common_mistake([own(Measured, Split, "monitor=train/other")], {"valid_dice": "max"})
    assert str(found).startswith("monitor: 'train/other' is not logged")
    found = common_mistake([own(Scored, Split, "monitor=valid_score")], {"valid_score": "min"})
    assert str(found).startswith("mode: is a small or a large valid_score better? Add mode=min or mode=max")


def test_a_mistake_of_all_jobs_is_said_once_and_one_of_some_is_their_own() -> None:
    wrong, other, right = job(*FAKE, "optimizer.lr=-1"), job(*FAKE, "optimizer.lr=-2"), job(*FAKE)
    assert common_mistake([wrong], {"val/loss": "min"}) == "optimizer.lr: expected a number above 0, got -1"
    assert common_mistake([wrong, job(*FAKE, "optimizer.lr=-1")], {"val/loss": "min"}) is not None
    assert common_mistake([wrong, other], {"val/loss": "min"}) is None
    assert str(common_mistake([wrong, other], {"val/loss": "min"}, are_all=True)).endswith("got -1")
    assert common_mistake([wrong, right], {"val/loss": "min"}) is None


def test_the_configuration_of_hydra_is_what_it_was() -> None:
    common_mistake([job(*FAKE)], {"val/loss": "min"})
    assert HydraConfig.instance().cfg is None
