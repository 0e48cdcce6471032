"""Base tests for models and data of your own: inherit one, say what it is about, and pytest runs what has to hold.

    class TestMyNet(ModelTests):
        overrides = ("model=my_net", "data=digits")

They compose ``conf/`` as the commands do, train for seconds on the CPU, and write into a temporary folder only.
"""

import csv
import json
from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import pytest
import torch
from hydra import compose, initialize_config_dir
from lightning.pytorch.callbacks import Checkpoint

from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.config import checked
from trainhouse.configuration.hydra_versions import VERSION_BASE
from trainhouse.configuration.schema import CONF
from trainhouse.configuration.settings import Train
from trainhouse.resuming.digest import digest
from trainhouse.resuming.exact_data import flattened
from trainhouse.resuming.seeding import reseed
from trainhouse.training.build_data import build_data
from trainhouse.training.data_card import DataCard, card_of
from trainhouse.training.rebuild_module import rebuild_module
from trainhouse.training.train import train

_SMALL = ("name=test", "trainer=cpu", "logger=none", "figures=false", "threads=1", "callbacks.progress_bar=null")
_ONE = ("trainer.limit_train_batches=1", "trainer.limit_val_batches=1", "trainer.limit_test_batches=1")
_FEW = ("trainer.limit_train_batches=4", "trainer.limit_val_batches=1", "trainer.limit_test_batches=1")


def run_config(*overrides: str) -> Train:
    """Return the settings of ``python train.py <overrides>``: on the CPU, without loggers and bar."""
    with initialize_config_dir(str(CONF), **VERSION_BASE):
        return checked(compose("train", [*_SMALL, *overrides]), "train")


def history(folder: Path) -> list[dict[str, float]]:
    """Return a row for each epoch of a run, with what was measured in it."""
    with open(folder / "logs" / "metrics.csv", newline="") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


class _InTheProject:
    """Tests that run where the commands do, so that ``data/raw`` is found."""

    overrides: ClassVar[tuple[str, ...]] = ()
    """Of train.py, as ``("model=my_net", "data=my_data")``."""

    @pytest.fixture(autouse=True)
    def _in_the_project(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(CONF.parent)


class ModelTests(_InTheProject):
    """What has to hold of every model, a plain network or a LightningModule."""

    falls: ClassVar[str | None] = "train/loss"
    """A value that falls while one batch is learned by heart; None if there is none, as of networks that compete."""
    epochs: ClassVar[int] = 20
    """How often that batch is shown."""

    def test_it_trains_a_step(self, tmp_path: Path) -> None:
        """One batch is trained on, validated and tested; another step makes other weights."""
        states = []
        for epochs in (1, 2):
            settings = run_config(*self.overrides, f"trainer.max_epochs={epochs}", *_ONE)
            train(settings, tmp_path / str(epochs))
            states.append(load_checkpoint(tmp_path / str(epochs) / "checkpoints" / "last.ckpt").state_dict)
        assert any(not torch.equal(value, states[1][name]) for name, value in states[0].items())

    @pytest.mark.filterwarnings("ignore:You requested to overfit")
    def test_loss_falls_on_one_batch(self, tmp_path: Path) -> None:
        """A model that can't learn one batch by heart has a fault."""
        if self.falls is None:
            pytest.skip("nothing falls")
        once = ["trainer.overfit_batches=1", f"trainer.max_epochs={self.epochs}", "callbacks.early_stopping=null"]
        train(run_config(*self.overrides, *once), tmp_path)
        values = [row[self.falls] for row in history(tmp_path)]
        assert values[-1] < values[0], values

    def test_what_is_saved_is_what_is_loaded(self, tmp_path: Path) -> None:
        """From the file alone the same module comes back, with the same weights."""
        train(run_config(*self.overrides, "trainer.max_epochs=1", *_FEW), tmp_path)
        checkpoint = load_checkpoint(tmp_path / "checkpoints" / "last.ckpt")
        weights = rebuild_module(checkpoint).state_dict()
        assert weights.keys() == checkpoint.state_dict.keys()
        assert all(torch.equal(value, checkpoint.state_dict[name]) for name, value in weights.items())

    def test_a_run_that_was_killed_ends_as_one_that_was_not(self, tmp_path: Path) -> None:
        """Killed in the middle of its second epoch and resumed, it has the same weights and metrics, bit for bit."""
        each_step = ["trainer.max_epochs=2", "callbacks.last_checkpoint.every_n_train_steps=1"]
        settings = run_config(*self.overrides, *_FEW, *each_step)
        train(settings, tmp_path / "whole")
        kill = {"_target_": f"{__name__}.{Kill.__name__}", "epoch": 1, "batches": 2}
        with pytest.raises(KilledError):
            train(settings.with_values({"callbacks.kill": kill}), tmp_path / "killed")
        train(settings, tmp_path / "killed", resume_from=tmp_path / "killed" / "checkpoints" / "last.ckpt")
        whole, killed = (_outcome(tmp_path / name) for name in ("whole", "killed"))
        assert whole["metrics"] == killed["metrics"]
        for name, value in whole["weights"].items():
            assert torch.equal(value, killed["weights"][name]), name


class DataTests(_InTheProject):
    """What has to hold of all data, a LightningDataModule or a function that reads a Dataset."""

    def test_it_is_the_same_when_built_again(self) -> None:
        """The content, the facts and the number of rows of each split."""
        assert self._card() == self._card()

    def test_it_has_rows_to_train_on(self) -> None:
        """Rows of a stream are not counted."""
        card = self._card()
        assert card.rows.get("train", 1) > 0

    def test_the_first_batch_is_the_same_with_the_same_seed(self) -> None:
        """As training draws it."""
        assert self._first_batch() == self._first_batch()

    def _config(self) -> Train:
        return run_config(*self.overrides)

    def _card(self) -> DataCard:
        settings = self._config()
        reseed(settings.seed, "init")
        return card_of(build_data(settings.data, settings.seed), settings.seed)

    def _first_batch(self) -> str:
        settings = self._config()
        reseed(settings.seed, "init")
        data = build_data(settings.data, settings.seed)
        data.prepare_data()
        data.setup("fit")
        reseed(settings.seed, "order", 0)
        return str([digest(next(iter(loader))) for loader in flattened(data.train_dataloader())])


class KilledError(BaseException):
    """The end of a process, as `kill -9` brings it about: nothing is saved."""


class Kill(Checkpoint):
    """Ends a run after so many batches of an epoch, counted from 0, when all other callbacks have done their part."""

    def __init__(self, epoch: int, batches: int) -> None:
        self.moment = (epoch, batches)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Raise `KilledError` when the moment has come."""
        if (trainer.current_epoch, batch_idx + 1) == self.moment:
            raise KilledError


def _outcome(folder: Path) -> dict[str, Any]:
    metrics = json.loads((folder / "metrics.json").read_text())["metrics"]
    return {"metrics": metrics, "weights": load_checkpoint(folder / "checkpoints" / "last.ckpt").state_dict}
