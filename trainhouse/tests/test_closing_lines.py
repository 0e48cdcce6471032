"""What a run says of itself: every value in its last lines, whatever it is called, and how large the model is."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from torch import Tensor, nn

from trainhouse.reports.metrics_text import metrics_lines
from trainhouse.tests.own import OwnData, OwnModule, Validated, own_config
from trainhouse.training.closing_lines import summarise_training
from trainhouse.training.train import train
from trainhouse.training.training_result import TrainingResult

METRICS = {"vl": 0.5, "loss/val": 0.25, "val/acc": 0.75, "test/vl": 2.0, "train/loss": 3.0}


def result(monitor: str | None, stopped_by: str = "max_epochs") -> TrainingResult:
    return TrainingResult(Path("run"), 2, 1, "best.ckpt", 0.5, monitor, METRICS, 1.0, stopped_by)


@pytest.mark.parametrize(("monitor", "first"), [("vl", ""), (None, "train  loss 3.0000")])
def test_the_last_lines_show_every_name(monitor: str | None, first: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    summarise_training(result(monitor))
    lines = caplog.messages[2:]
    expected = ["val    acc 0.7500", "test   vl 2.0000", "logged vl 0.5000  loss/val 0.2500"]
    assert lines[: len(expected) + bool(first)] == [*([first] if first else []), *expected]


class Stays(OwnModule):
    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.log("val_loss", 1.0)


class NotFinite(OwnModule):
    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.log("val_loss", float("nan") if self.current_epoch else 1.0)


@pytest.mark.parametrize(("module", "reason"), [(Stays, "it was not getting better"), (NotFinite, "it was not finite")])
def test_a_run_that_was_stopped_early_says_why(
    module: type[OwnModule], reason: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    options = ["monitor=val_loss", "callbacks.early_stopping.patience=1", "trainer.max_epochs=5"]
    summarise_training(train(own_config(module, Validated, *options), tmp_path))
    (line,) = (line for line in caplog.messages if line.startswith("best epoch"))
    assert line.endswith(f"; {reason}, so the run was stopped")


@pytest.mark.parametrize(
    ("best", "epochs", "stopped_by", "says_so"),
    [
        (20, 20, "max_epochs", True),
        (18, 20, "max_epochs", True),
        (17, 20, "max_epochs", False),
        (5, 6, "max_epochs", False),
        (2, 2, "max_epochs", False),  # to see whether it works
        (20, 20, "max_time", False),  # more epochs would not help it
    ],
)
def test_a_run_that_ends_while_it_gets_better_says_so_and_how_it_is_resumed(
    best: int, epochs: int, stopped_by: str, says_so: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    summarise_training(TrainingResult(Path("run"), epochs, best, "best.ckpt", 0.5, "vl", METRICS, 1.0, stopped_by))
    said = "\n".join(caplog.messages)
    assert ("it was still getting better" in said) == says_so
    assert (f"resume=run trainer.max_epochs={2 * epochs}" in said) == says_so


def test_a_run_whose_schedule_has_ended_is_not_cut_short(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    ended = TrainingResult(Path("run"), 20, 20, "best.ckpt", 0.5, "vl", METRICS, 1.0, "max_epochs")
    summarise_training(replace(ended, ends_by_schedule=True))
    assert "still getting better" not in "\n".join(caplog.messages)


def test_nothing_is_shown_twice_or_for_nothing() -> None:
    forked = {"val_x": 1.0, "val_x_epoch": 1.0, "val_x_step": 3.0, "a_step": 2.0}
    assert list(metrics_lines(forked, ("val",))) == [("val", "x 1.0000"), ("logged", "a_step 2.0000")]
    assert list(metrics_lines({"val_x": 1.0}, ("val", "test"))) == [("val", "x 1.0000")]


class Grows(OwnModule):
    """Has a layer as wide as its first batch, beside one with 9 weights."""

    def __init__(self) -> None:
        super().__init__()
        self.more = nn.LazyLinear(3)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return super().training_step(batch, batch_idx) + self.more(batch[0]).mean()


class MadeLater(OwnModule):
    """Has no layer before Lightning asks for it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = None  # type: ignore[assignment]

    def configure_model(self) -> None:
        if self.layer is None:
            self.layer = nn.Linear(2, 3)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        (OwnModule, "model   OwnModule, 9 weights, on cpu, 1 thread"),
        (Grows, "model   Grows, 9 weights and those that are made later, on cpu, 1 thread"),
        (MadeLater, "model   MadeLater, weights that are made later, on cpu, 1 thread"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*lazy:UserWarning", "ignore:Lazy modules")
def test_weights_that_are_not_there_yet_are_not_none(
    module: type, line: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    try:
        train(own_config(module, OwnData, "preflight=false", "trainer.max_epochs=1"), tmp_path)
    finally:
        assert line in caplog.messages
