"""What happens around the loop: the epoch's row, and random draws without a state."""

import random
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor, nn

from trainhouse.arrays.batches import Cursor
from trainhouse.resuming.exact_resume import ExactResume, reseed
from trainhouse.tests.common import read_history
from trainhouse.tests.own import OwnModule, own_config
from trainhouse.tests.tiny import CLASSES, tiny_data, tiny_module, tiny_trainer
from trainhouse.training.callbacks import History
from trainhouse.training.train import train


class Recorder(nn.Module):
    """A linear network that keeps what it draws in training."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.drawn = nn.Linear(4, 3), []  # type: ignore[var-annotated]

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.drawn.append(torch.rand(()).item())
        return self.layer(x)


def draws(folder: Path, seed: int, epochs: int = 2, noise: int = 0) -> list[float]:
    """Return what each step drew; `noise` draws were made before."""
    data, network = tiny_data(CLASSES), Recorder()
    torch.rand(noise)
    randomness = ExactResume(seed, data.cursor)
    tiny_trainer(folder, randomness, max_epochs=epochs).fit(tiny_module(data, network), data)
    return network.drawn


def test_every_step_of_every_epoch_draws_something_else(tmp_path: Path) -> None:
    drawn = draws(tmp_path, seed=1)
    assert len(set(drawn)) == len(drawn) == 10


def test_a_steps_draw_depends_on_seed_epoch_and_batch_alone(tmp_path: Path) -> None:
    assert draws(tmp_path, seed=1) == draws(tmp_path, seed=1, noise=9)
    assert draws(tmp_path, seed=1, epochs=1) == draws(tmp_path, seed=1)[:5]
    assert draws(tmp_path, seed=1) != draws(tmp_path, seed=2)


def test_reseed_seeds_torch_numpy_and_python() -> None:
    def sample() -> tuple[float, float, float]:
        return torch.rand(()).item(), float(np.random.random_sample()), random.random()

    reseed(1, "step", 0)
    first = sample()
    assert sample() != first
    reseed(1, "step", 0)
    assert sample() == first
    reseed(1, "step", 1)
    assert not set(sample()) & set(first)


def test_the_cursor_stands_at_the_batch_that_is_next(tmp_path: Path) -> None:
    data = tiny_data(CLASSES)
    randomness = ExactResume(0, data.cursor)
    seen: list[tuple[int, int]] = []

    class Watch(ExactResume):
        def on_train_batch_end(self, *args: Any) -> None:
            seen.append((data.cursor.epoch, data.cursor.batch))

    trainer = tiny_trainer(tmp_path, randomness, Watch(0, Cursor()), max_epochs=2)
    trainer.fit(tiny_module(data), data)
    assert seen == [(0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (1, 1), (1, 2), (1, 3), (1, 4), (1, 5)]
    assert (data.cursor.epoch, data.cursor.batch) == (2, 0)


def test_the_cursor_comes_back_from_a_checkpoint() -> None:
    saved = ExactResume(7, Cursor(epoch=3, batch=2)).state_dict()
    cursor = Cursor()
    ExactResume(7, cursor).load_state_dict(saved)
    assert (saved["seed"], cursor) == (7, Cursor(epoch=3, batch=2))


def fit_with_history(folder: Path, **options: Any) -> History:
    data, history = tiny_data(CLASSES), History(folder / "logs" / "metrics.csv")
    trainer = tiny_trainer(folder, history, ExactResume(0, data.cursor), checkpoints=True, **options)
    trainer.fit(tiny_module(data), data)
    return history


def test_history_has_one_row_per_epoch_with_training_and_validation(tmp_path: Path) -> None:
    history = fit_with_history(tmp_path, max_epochs=3)
    rows = read_history(tmp_path / "logs" / "metrics.csv")
    assert [(row["epoch"], row["step"]) for row in rows] == [(1, 4), (2, 9), (3, 14)]
    for row in rows:
        assert {"train/loss", "train/acc", "val/loss", "val/acc", "val/f1", "lr", "seconds"} <= set(row)
        assert 0 <= row["train_seconds"] <= row["seconds"]
    assert len({row["val/loss"] for row in rows}) == 3
    assert rows == history.rows


def test_an_epoch_without_validation_has_no_validation_numbers_of_another_epoch(tmp_path: Path) -> None:
    rows = fit_with_history(tmp_path, max_epochs=4, check_val_every_n_epoch=2).rows
    assert [row["epoch"] for row in rows if "val/loss" in row] == [2, 4]
    assert read_history(tmp_path / "logs" / "metrics.csv") == rows


def test_history_continues_where_a_checkpoint_left_it(tmp_path: Path) -> None:
    saved = fit_with_history(tmp_path, max_epochs=2).state_dict()
    other = History(tmp_path / "other.csv")
    other.load_state_dict(saved)
    assert [row["epoch"] for row in other.rows] == [1, 2]
    other.rows.append({"epoch": 3})
    assert len(saved["rows"]) == 2, "the checkpoint's own rows stay as they are"


def test_history_says_every_epoch_in_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="trainhouse.training.callbacks")
    fit_with_history(tmp_path, max_epochs=2)
    lines = [record.message for record in caplog.records if record.name == "trainhouse.training.callbacks"]
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    assert all("train/loss 1." in line and "val/acc 0." in line for line in lines)


def test_what_the_loggers_hold_is_written_before_a_checkpoint_that_counts_it(tmp_path: Path) -> None:
    data, logger = tiny_data(CLASSES), CSVLogger(tmp_path, "logs", "steps")
    at_checkpoint: list[int] = []

    class Save(L.Callback):
        def on_train_batch_end(self, trainer: L.Trainer, module: L.LightningModule, *_: Any) -> None:
            trainer.save_checkpoint(tmp_path / "some.ckpt")
            at_checkpoint.append(len((tmp_path / "logs/steps/metrics.csv").read_text().splitlines()) - 1)

    trainer = tiny_trainer(tmp_path, History(tmp_path / "h.csv"), Save(), checkpoints=True, logger=logger)
    trainer.fit(tiny_module(data, log_every_n_steps=1), data)
    assert at_checkpoint == [1, 2, 3, 4, 5]


class LogsItsPlace(OwnModule):
    """Logs its own axis, as a step that loggers draw by."""

    def on_train_epoch_end(self) -> None:
        self.log_dict({"epoch": 7.0, "step": 7.0, "own": 7.0 + self.current_epoch})


def test_a_row_says_its_own_epoch_whatever_the_module_logs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    result = train(own_config(LogsItsPlace), tmp_path)
    rows = read_history(tmp_path / "logs/metrics.csv")
    assert [(row["epoch"], row["step"], row["own"]) for row in rows] == [(1, 1, 7), (2, 3, 8)]
    assert result.metrics.keys() == {"train/loss", "own"}
    assert "the loggers alone have what is logged as epoch, step" in caplog.text
