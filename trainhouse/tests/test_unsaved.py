"""What changes in training and no checkpoint holds is said; what a callback keeps in plain attributes is saved."""

import copy
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from trainhouse.resuming import attributes
from trainhouse.resuming.attributes import PlainAttributes
from trainhouse.resuming.unsaved import Unsaved
from trainhouse.tests.own import OwnData, OwnModule, own_config
from trainhouse.tests.pair_house import read_checkpoint
from trainhouse.training.train import train


@dataclass
class State:
    steps: int = 0


class Schedule:
    """A user's own, which is called."""

    __slots__ = ("calls",)

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> float:
        self.calls += 1
        return 1 / self.calls


class Hiding(OwnModule):
    """Keeps what changes where Lightning does not look, and beside it what stays, or is saved by another name."""

    def __init__(self) -> None:
        super().__init__()
        self.state, self.schedule = State(), Schedule()
        self.teacher, self.frozen = [nn.Linear(2, 3)], [nn.Linear(2, 3)]
        self.settings, self.names = State(7), {"layer": self.layer, "weights": list(self.parameters())}
        self.count, self.words = 0, Counter("a")

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        self.state.steps += 1
        self.count += 1
        self.words["b"] += 1
        with torch.no_grad():
            for own, other in zip(self.teacher[0].parameters(), self.layer.parameters(), strict=True):
                own.lerp_(other, 0.5)
        return super().training_step(batch, batch_idx) * self.schedule()


class Averaging(L.Callback):
    """Has no state_dict."""

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.batches, self.model = 0, AveragedModel(nn.Linear(2, 3))
        self.untouched = copy.deepcopy(self.model)
        self.shown = pl_module

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        self.batches += 1
        self.model.update_parameters(pl_module.layer)


class Saving(Averaging):
    """Has one."""

    def state_dict(self) -> dict[str, Any]:
        return {"batches": self.batches, "model": self.model.state_dict()}


class Averaged(OwnModule):
    """Brings callbacks along."""

    def configure_callbacks(self) -> Any:
        return [Averaging(), Saving()]


Averaging.__module__ = Saving.__module__ = "src.training.averaging"  # where a user has them


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    lines = [record.getMessage() for record in caplog.records]
    return [line.split("exact: ")[1].split(" changes")[0] for line in lines if "not exact: " in line]


def test_what_changes_in_a_module_and_can_not_be_saved_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(own_config(Hiding), tmp_path)
    assert said(caplog) == ["Hiding.state (State)", "Hiding.schedule (Schedule)", "Hiding.teacher (list)"]
    assert json.loads((tmp_path / "metrics.json").read_text())["exact"] is False
    saved = read_checkpoint(tmp_path / "checkpoints" / "last.ckpt")["callbacks"]["ExactResume"]
    assert len(saved["reasons"]) == 3
    assert saved["attributes"][""] == {"count": 4, "words": {"a": 1, "b": 4}}


def test_what_a_callback_without_a_state_keeps_in_plain_attributes_comes_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(own_config(Averaged), tmp_path)
    assert said(caplog) == ["Averaging.model (AveragedModel)"]
    last = tmp_path / "checkpoints" / "last.ckpt"
    assert read_checkpoint(last)["callbacks"]["ExactResume"]["attributes"] == {"callback Averaging": {"batches": 4}}
    train(own_config(Averaged, OwnData, "trainer.max_epochs=3"), tmp_path, last)
    assert read_checkpoint(last)["callbacks"]["ExactResume"]["attributes"] == {"callback Averaging": {"batches": 6}}


def test_a_run_is_exact_whose_attributes_stay_as_they_are_or_are_saved(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(own_config(OwnModule), tmp_path)
    assert said(caplog) == []
    assert json.loads((tmp_path / "metrics.json").read_text())["exact"] is True


@pytest.mark.parametrize("change", [lambda held: held.update(a=2), lambda held: held["deep"][0].weight.data.add_(1)])
def test_a_change_is_seen_wherever_it_is(change: Any) -> None:
    module = OwnModule()
    trainer = L.Trainer(logger=False, accelerator="cpu", enable_checkpointing=False, enable_progress_bar=False)
    trainer.strategy.connect(module)
    held: dict[str, Any] = {"a": 1, "deep": [nn.Linear(2, 2)], "back": module, "trainer": trainer}
    held["itself"] = held
    module.held = held  # type: ignore[assignment]
    unsaved = Unsaved(PlainAttributes(module), trainer)
    assert unsaved.changed() == []
    module.layer.weight.data.add_(1)
    assert unsaved.changed() == []
    change(held)
    assert unsaved.changed() == ["OwnModule.held (dict)"]


class Tuned(OwnModule):
    """Changes a hyperparameter while it trains, which a new run takes from its command line."""

    def __init__(self, width: int = 3, lr: float = 0.1) -> None:
        super().__init__(width, lr)
        self.save_hyperparameters()
        self.seen: list[float] = []

    def on_train_epoch_start(self) -> None:
        self.seen.append(self.hparams["lr"])
        self.hparams["lr"] /= 2


def test_hyperparameters_stay_as_they_were_given(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert {"_hparams", "_hparams_initial", "_hparams_name"} <= attributes._INTERNAL
    train(own_config(Tuned), tmp_path)
    last = tmp_path / "checkpoints" / "last.ckpt"
    assert read_checkpoint(last)["callbacks"]["ExactResume"]["attributes"] == {"": {"seen": [0.1, 0.05]}}
    train(own_config(Tuned, OwnData, "trainer.max_epochs=3"), tmp_path, last)
    assert read_checkpoint(last)["callbacks"]["ExactResume"]["attributes"] == {"": {"seen": [0.1, 0.05, 0.1]}}
    assert said(caplog) == []
