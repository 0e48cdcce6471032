"""The state at an error: a checkpoint of its own, in which nothing is hidden, and which hides nothing."""

import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trainhouse.checkpoints.checkpoint import read
from trainhouse.configuration.errors import UserError
from trainhouse.tests.own import OwnData, OwnModule, own_config
from trainhouse.training.newest_checkpoint import newest_checkpoint
from trainhouse.training.on_exception import OnExceptionCheckpoint
from trainhouse.training.train import train

KEPT = [
    "callbacks=[default,on_exception_checkpoint]",
    "callbacks.last_checkpoint.every_n_minutes=1e-9",
    "preflight=false",
]


class Fails(OwnModule):
    """Fails in the second epoch's second step, or in the test, while the class says so."""

    fails = "training"

    def training_step(self, batch: list[Any], batch_idx: int) -> Any:
        if self.fails == "training" and (self.current_epoch, batch_idx) == (1, 1):
            raise ZeroDivisionError("of mine")
        return super().training_step(batch, batch_idx)


@pytest.fixture
def failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run that an error has ended."""
    monkeypatch.setattr(Fails, "fails", "training")
    with pytest.raises(ZeroDivisionError, match="of mine"):
        train(own_config(Fails, OwnData, *KEPT), tmp_path)
    return tmp_path


def test_it_is_kept_beside_the_others_and_resumed_from_as_said(
    failed: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    saved = failed / "checkpoints" / "on_exception.ckpt"
    assert set(read(saved)["state_dict"]) == {"layer.weight", "layer.bias"}
    newest = newest_checkpoint(failed / "checkpoints")
    assert newest is not None
    assert newest.name == "last.ckpt", "of two that are as far, the one that a resume from is exact"
    monkeypatch.setattr(Fails, "fails", "")
    with caplog.at_level(logging.WARNING):
        train(own_config(Fails, OwnData, *KEPT), failed, resume_from=saved)
    assert "warning: a resume of this run is not exact: it begins in the middle of a step" in caplog.text
    assert json.loads((failed / "metrics.json").read_text())["exact"] is False
    assert not saved.exists(), "training has ended well"


def test_a_resume_from_between_two_steps_is_as_exact_as_without_it(
    failed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fails, "fails", "")
    train(own_config(Fails, OwnData, *KEPT), failed, resume_from=failed / "checkpoints" / "last.ckpt")
    assert json.loads((failed / "metrics.json").read_text())["exact"] is True


def test_several_processes_are_refused(tmp_path: Path) -> None:
    callback = OnExceptionCheckpoint(str(tmp_path))
    with pytest.raises(UserError, match=r"^callbacks: OnExceptionCheckpoint can't save when one of several processes"):
        callback.setup(SimpleNamespace(world_size=2), OwnModule(), "fit")  # type: ignore[arg-type]


def test_an_error_outside_of_training_leaves_nothing(tmp_path: Path) -> None:
    callback = OnExceptionCheckpoint(str(tmp_path))
    trainer: Any = SimpleNamespace(fast_dev_run=False, save_checkpoint=lambda path: path.touch())
    callback.on_exception(trainer, OwnModule(), ValueError())
    callback.on_train_start(trainer, OwnModule())
    callback.on_train_end(trainer, OwnModule())
    callback.on_exception(trainer, OwnModule(), ValueError())
    assert list(tmp_path.iterdir()) == []
    callback.on_train_start(trainer, OwnModule())
    callback.on_exception(trainer, OwnModule(), ValueError())
    assert [path.name for path in tmp_path.iterdir()] == ["on_exception.ckpt"]
