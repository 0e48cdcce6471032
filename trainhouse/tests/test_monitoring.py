"""The value that "best" means: a module's own goes before the default, what is typed before both."""

import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning as L
import pytest
import torch
import torchmetrics
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Train
from trainhouse.configuration.views import Settings
from trainhouse.tests.common import composed
from trainhouse.tests.own import OPTIONS
from trainhouse.training.logged_in_trial import Logged
from trainhouse.training.monitoring import (
    check_direction,
    check_logged,
    directions_of,
    with_monitor,
    with_own_monitor,
)
from trainhouse.training.preflight import preflight

Typed = Callable[..., Train]


class Says(L.LightningModule):
    """A module that says what it is measured by."""

    def __init__(self, monitor: Any = None, directions: dict[str, str] | None = None) -> None:
        super().__init__()
        if monitor is not None:
            self.monitor = monitor
        if directions is not None:
            self.directions = directions


def best(found: Settings) -> tuple[Any, Any]:
    return found.plain["monitor"], found.plain["mode"]


def test_a_modules_own_monitor_stands_in_for_the_default() -> None:
    config = composed("scheduler=plateau")
    found = with_own_monitor(config, Says("val/dice", {"val/dice": "max"}))
    assert best(found) == ("val/dice", "max")
    assert best(config) == ("val/loss", "min"), "what was given stays as it is"
    for name in ("best_checkpoint", "early_stopping"):
        assert best(getattr(found.callbacks, name)) == ("val/dice", "max")
    assert found.scheduler.get("mode") == "max"
    assert found.sweep == {**config.sweep, "metric": "val/dice", "mode": "max"}


def test_without_a_direction_the_configured_one_holds() -> None:
    assert best(with_own_monitor(composed(), Says("val/error"))) == ("val/error", "min")
    assert best(with_own_monitor(composed(), Says("val/error", {"val/loss": "max"}))) == ("val/error", "min")


@pytest.mark.parametrize(
    "module",
    [Says(), Says(3), Says("val/loss"), Says("val/loss", {"val/loss": "max"})],
    ids=["none", "3", "same", "max"],
)
def test_a_module_that_says_nothing_else_changes_nothing(module: Says) -> None:
    config = composed()
    assert with_own_monitor(config, module) == config


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["seed=1"], ("val/dice", "max")),
        (["monitor=val/loss"], ("val/loss", "min")),
        (["monitor=val/iou", "mode=max"], ("val/iou", "max")),
        (["monitor=null"], (None, "min")),
        (["mode=min"], ("val/dice", "min")),
        (["resume=outputs/x"], ("val/loss", "min")),
    ],
)
def test_what_is_typed_goes_before_what_the_module_says(
    overrides: list[str], expected: tuple[Any, Any], typed: Typed
) -> None:
    assert best(with_own_monitor(typed(*overrides), Says("val/dice", {"val/dice": "max"}))) == expected


def test_a_file_that_is_run_again_says_it_as_if_it_were_typed(
    typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = typed()
    monkeypatch.setattr("trainhouse.training.monitoring.CONF", tmp_path)
    assert with_own_monitor(config, Says("val/dice")) == config


def test_another_monitor_leaves_alone_what_looks_at_something_else() -> None:
    options = ["callbacks.early_stopping.monitor=train/loss", "callbacks.best_checkpoint.mode=max"]
    config = composed(*options, "sweep.metric=test/acc", "sweep.mode=max")
    found = with_monitor(config, "val/acc", "max")
    assert best(found.callbacks.early_stopping) == ("train/loss", "min")
    assert best(found.callbacks.best_checkpoint) == ("val/acc", "max")
    assert (found.sweep["metric"], found.sweep["mode"]) == ("test/acc", "max")


class Measured(L.LightningModule):
    """Logs metric objects, whose classes say which end is better, and a number, which doesn't."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 2)
        self.accuracy = torchmetrics.classification.MulticlassAccuracy(2)
        self.error = torchmetrics.MeanSquaredError()

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        loss = self.layer(batch[0]).square().mean()
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        x, y = batch
        self.accuracy(self.layer(x), y)
        self.error(self.layer(x), x)
        self.log("val/acc", self.accuracy, on_step=False, on_epoch=True)
        self.log("val/error", self.error, on_step=False, on_epoch=True)
        self.log("val/loss", self.layer(x).mean())

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Twice(Measured):
    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        loss = super().training_step(batch, batch_idx)
        self.log("val/loss", loss)
        return loss


class Rows(L.LightningDataModule):
    def train_dataloader(self) -> Any:
        return DataLoader(TensorDataset(torch.ones(6, 2), torch.tensor([0, 1, 0, 1, 0, 1])), batch_size=3)

    val_dataloader = train_dataloader


def logged_by(module: L.LightningModule) -> Logged:
    return preflight(module, Rows(), [], OPTIONS)


def test_metric_objects_say_which_end_of_them_is_better() -> None:
    logged = logged_by(Measured())
    assert logged.is_complete
    assert set(logged.names) == {"train/loss", "val/acc", "val/error", "val/loss"}
    assert logged.directions == {"val/acc": "max", "val/error": "min"}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["monitor=val/acc"], "mode: min would take the worst val/acc for the best; set mode=max"),
        (["monitor=val/error", "mode=max"], "mode: max would take the worst val/error for the best; set mode=min"),
        (["monitor=val/acc", "mode=null"], "mode: null leaves open which val/acc is the best; set mode=max"),
        (
            ["monitor=val/loss", "mode=null"],
            "mode: null leaves open which val/loss is the best; is a small or a large one better? Set it to min or",
        ),
        (["monitor=val/accc", "mode=max"], "monitor: 'val/accc' is not logged; did you mean 'val/acc'? (there are: "),
        (
            ["monitor=val/acc", "mode=max", "callbacks.early_stopping.mode=min"],
            "callbacks.early_stopping.mode: min would take the worst val/acc for the best; set",
        ),
    ],
)
def test_the_worse_end_and_a_name_that_is_not_logged_are_refused(overrides: list[str], message: str) -> None:
    logged = logged_by(Measured())
    with pytest.raises(UserError) as refused:
        check_logged(composed(*overrides), logged, logged.directions)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize("overrides", [["monitor=val/acc", "mode=max"], ["monitor=null"], ["monitor=val/loss"]])
def test_what_is_right_is_taken(overrides: list[str]) -> None:
    logged = logged_by(Measured())
    check_logged(composed(*overrides), logged, logged.directions)


def test_without_a_complete_try_a_name_may_still_be_logged() -> None:
    check_logged(composed("monitor=val/anything"), Logged(["val/loss"], is_complete=False), {})


def test_a_module_that_logs_nothing_hears_how_to_train_without_a_best_model() -> None:
    with pytest.raises(UserError, match=r"^monitor: 'val/loss' is not logged.*; monitor=null trains without a best"):
        check_logged(composed(), Logged([], is_complete=True), {})


def test_a_value_that_training_and_validation_log_by_one_name_cannot_be_monitored(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logged = logged_by(Twice())
    with pytest.raises(UserError, match=r"^monitor: 'val/loss' is logged by training and by validation, so that one"):
        check_logged(composed(), logged, {})
    caplog.set_level(logging.WARNING)
    check_logged(composed("monitor=val/error"), logged, logged.directions)
    assert "warning: val/loss is logged by training and by validation: one hides the other" in caplog.text


def test_an_end_that_nobody_knows_is_the_users_to_say() -> None:
    for mode in ("min", "max"):
        check_direction("mode", mode, "val/mine", {"val/loss": "min"})


@pytest.mark.parametrize(("monitor", "metric"), [("val/spread", "spread"), ("val/low", "two")])
def test_of_a_metric_without_a_direction_the_end_is_asked_for(
    monitor: str, metric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_val = {"val/spread": SimpleNamespace(), "val/two": SimpleNamespace(names=("low", "high"))}
    module = SimpleNamespace(directions={"val/loss": "min"}, metrics={"val_split": of_val})
    settings = composed(f"monitor={monitor}", "mode=max")
    assert directions_of(module, settings) == {"val/loss": "min", monitor: "max"}
    monkeypatch.setattr("trainhouse.training.monitoring._is_mode_set", lambda *_: False)
    with pytest.raises(
        UserError, match=rf"^mode: is a small or a large {monitor} better\?.*metrics\.{metric}\.mode=max"
    ):
        directions_of(module, settings)
    assert directions_of(module, composed("monitor=val/sprad")) == {"val/loss": "min"}, (
        "which the check of names refuses"
    )
