"""What happens around the loop: the epoch's row, random draws without a state, checkpoint names."""

import random
import re
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint as LightningModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor, nn

from trainhouse.arrays.batches import Cursor
from trainhouse.checkpoints.checkpoint import read
from trainhouse.checkpoints.model_checkpoints import check_checkpoint, tell_apart
from trainhouse.checkpoints.writing import AtomicCheckpointIO, CheckpointRecord
from trainhouse.configuration.errors import UserError
from trainhouse.resuming.exact_resume import ExactResume, reseed
from trainhouse.runs.created_below import create_below
from trainhouse.tests.conftest import Config, composed, read_history
from trainhouse.tests.tiny import CLASSES, tiny_data, tiny_module, tiny_trainer
from trainhouse.training.callbacks import History


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
    assert [(row["epoch"], row["step"]) for row in rows] == [(1, 5), (2, 10), (3, 15)]
    for row in rows:
        assert {"train/loss", "train/acc", "val/loss", "val/acc", "val/f1", "lr", "seconds"} <= set(row)
        assert 0 <= row["train_seconds"] <= row["seconds"]
    assert len({row["val/loss"] for row in rows}) == 3
    assert rows == history.rows


def test_an_epoch_without_validation_has_no_validation_numbers_of_another_epoch(tmp_path: Path) -> None:
    rows = fit_with_history(tmp_path, max_epochs=4, check_val_every_n_epoch=2).rows
    assert [row["epoch"] for row in rows if "val/loss" in row] == [2, 4]
    assert read_history(tmp_path / "logs" / "metrics.csv") == rows


def test_history_goes_on_where_a_checkpoint_left_it(tmp_path: Path) -> None:
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


CHECKPOINT = "lightning.pytorch.callbacks.ModelCheckpoint"
BEST = {"_target_": CHECKPOINT, "filename": "best_model", "monitor": "val/loss", "enable_version_counter": False}
EARLY = {"_target_": "lightning.pytorch.callbacks.EarlyStopping", "monitor": "val/loss"}
MANY = {"_target_": CHECKPOINT, "monitor": "val/loss"}
TOP = {**BEST, "filename": "{epoch:03d}-{val/loss:.3f}", "save_top_k": 3}


def fit_with(folder: Path, nodes: dict[str, Config], resume_from: Path | None = None, **options: Any) -> dict[str, Any]:
    """Train with the callbacks of a configuration; return them."""
    data = tiny_data(CLASSES)
    built = {name: create_below(folder, node, f"callbacks.{name}") for name, node in nodes.items()}
    tell_apart({f"callbacks.{name}": callback for name, callback in built.items()})
    record = CheckpointRecord({}, data.spec, {})
    trainer = tiny_trainer(folder, record, ExactResume(0, data.cursor), *built.values(), checkpoints=True, **options)
    trainer.strategy.checkpoint_io = AtomicCheckpointIO()
    trainer.fit(tiny_module(data), data, ckpt_path=resume_from)
    return built


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder / "checkpoints")) for path in (folder / "checkpoints").rglob("*"))


def test_lightnings_own_model_checkpoint_counts_epochs_as_people_do(tmp_path: Path) -> None:
    every_five = {
        "_target_": CHECKPOINT,
        "filename": "epoch_{epoch:03d}",
        "every_n_epochs": 5,
        "save_top_k": -1,
        "save_on_train_epoch_end": True,
    }
    fit_with(tmp_path, {"a": every_five}, max_epochs=11)
    assert names(tmp_path) == ["epoch_005.ckpt", "epoch_010.ckpt"]


def test_what_older_configurations_name_counts_so_too(tmp_path: Path) -> None:
    older = {
        "_target_": "trainhouse.training.callbacks.EpochCheckpoint",
        "filename": "epoch_{epoch:03d}",
        "auto_insert_metric_name": False,
        "every_n_epochs": 2,
        "save_top_k": -1,
    }
    built = fit_with(tmp_path, {"a": older}, max_epochs=3)
    assert names(tmp_path) == ["epoch_002.ckpt"]
    assert built["a"].state_key.startswith("EpochCheckpoint{")


def test_metrics_in_file_names_make_no_folders_and_no_equals_signs(tmp_path: Path) -> None:
    built = fit_with(tmp_path, {"top": TOP}, max_epochs=5)
    scores = {Path(path).name: float(score) for path, score in built["top"].best_k_models.items()}
    assert names(tmp_path) == sorted(scores)
    assert len(scores) == 3
    for name, score in scores.items():
        assert re.fullmatch(rf"00[1-5]-{score:.3f}\.ckpt", name)
    assert "005-" in str(built["top"].best_model_path), "the loss falls in each of these epochs"


@pytest.mark.parametrize(
    ("options", "name"),
    [({}, "epoch_001-step_5.ckpt"), ({"auto_insert_metric_name": True, "filename": "{val/acc:.0f}"}, "val_acc=0.ckpt")],
)
def test_a_file_name_is_one_whatever_is_set(options: Config, name: str, tmp_path: Path) -> None:
    fit_with(tmp_path, {"a": {"_target_": CHECKPOINT, **options}})
    assert names(tmp_path) == [name]


def test_several_checkpoints_of_one_value_keep_a_state_each_and_the_first_its_old_name(tmp_path: Path) -> None:
    best, top = fit_with(tmp_path, {"best": BEST, "top": TOP}, max_epochs=2).values()
    assert best.state_key == LightningModelCheckpoint(**{k: BEST[k] for k in ("filename", "monitor")}).state_key
    assert top.state_key == f"{best.state_key} {TOP['filename']}"
    states = read(tmp_path / "checkpoints/best_model.ckpt")["callbacks"]
    assert len(states[best.state_key]["best_k_models"]) == 1
    assert len(states[top.state_key]["best_k_models"]) == 1, "the second, of the second epoch, is written after it"


def test_the_best_three_of_a_run_that_was_stopped_are_those_of_one_that_was_not(tmp_path: Path) -> None:
    last = {"_target_": "trainhouse.training.callbacks.LastCheckpoint"}
    nodes = {"best": BEST, "top": TOP, "last": last}
    fit_with(tmp_path / "whole", nodes, max_epochs=6)
    fit_with(tmp_path / "run", nodes, max_epochs=4)
    fit_with(tmp_path / "run", nodes, tmp_path / "run/checkpoints/last.ckpt", max_epochs=6)
    assert names(tmp_path / "run") == names(tmp_path / "whole")
    assert len(names(tmp_path / "run")) == 5


def test_a_run_begun_with_lightnings_class_goes_on_with_its_best_value(tmp_path: Path) -> None:
    data = tiny_data(CLASSES)
    older = LightningModelCheckpoint(tmp_path / "checkpoints", "best_model", "val/loss", enable_version_counter=False)
    record = CheckpointRecord({}, data.spec, {})
    trainer = tiny_trainer(tmp_path, record, ExactResume(0, data.cursor), older, checkpoints=True, max_epochs=2)
    trainer.fit(tiny_module(data), data)
    saved = tmp_path / "checkpoints/best_model.ckpt"
    best = fit_with(tmp_path, {"best": BEST, "top": TOP}, saved, max_epochs=2)["best"]
    assert best.best_model_score == older.best_model_score


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ({"a": TOP, "b": TOP}, "callbacks.b.filename: '{epoch:03d}-{val/loss:.3f}' is what callbacks.a writes too"),
        (
            {"a": MANY, "b": MANY, "c": MANY},
            "callbacks.c: saves its state as callbacks.b does; give it another filename",
        ),
        (
            {"a": BEST, "b": {**BEST, "mode": "max"}},
            "callbacks.b.filename: 'best_model' is what callbacks.a writes too",
        ),
        ({"a": EARLY, "b": EARLY}, "callbacks.b: saves its state as callbacks.a does; give it other values"),
    ],
)
def test_two_callbacks_that_would_be_one_are_refused(nodes: dict[str, Config], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        fit_with(tmp_path, nodes)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"save_topk": 2},
            "callbacks.a.save_topk: lightning.pytorch.callbacks.ModelCheckpoint takes no such argument; did",
        ),
        ({"mode": "up"}, "callbacks.a: `mode` can be"),
        ({"save_top_k": "x"}, "callbacks.a.save_top_k: expected a whole number, got 'x'"),
        ({"dirpath": "x"}, "callbacks.a.dirpath: a run writes into its own folder; leave it out"),
        ({"filename": "../x"}, "callbacks.a.filename: '../x' leads out of the run's folder"),
    ],
)
def test_a_mistake_names_the_key_and_the_class_that_the_user_has_named(
    wrong: Config, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as refused:
        create_below(tmp_path, {"_target_": CHECKPOINT, **wrong}, "callbacks.a")
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    "node",
    [
        BEST,
        TOP,
        {"filename": "epoch_{epoch:03d}", "save_top_k": -1},
        {"filename": "{step}-{val/f1:.2f}"},
        {"filename": "one", "save_top_k": 1},
        {"patience": 3},
    ],
)
def test_file_names_that_can_be_filled_in_are_taken(node: Config) -> None:
    check_checkpoint(node, "callbacks.best_checkpoint")


@pytest.mark.parametrize(
    ("name", "node", "message"),
    [
        ("a", {"filename": "a/b"}, "callbacks.a.filename: expected a name without /"),
        ("a", {"filename": "last"}, "callbacks.a.filename: expected a name without / that is not 'last', got 'last'"),
        ("a", {"filename": None}, "callbacks.a.filename: expected a name without /"),
        ("a", {"filename": "e_{epoch:zz}"}, "callbacks.a.filename: 'e_{epoch:zz}' can't be filled in: "),
        ("a", {"filename": "{val/loss:d}"}, "callbacks.a.filename: '{val/loss:d}' can't be filled in: "),
        ("a", {"filename": "{}"}, "callbacks.a.filename: '{}' can't be filled in: "),
        ("a", {"filename": "{epoch"}, "callbacks.a.filename: '{epoch' can't be filled in: "),
        (
            "a",
            {"filename": "x", "save_top_k": 3},
            "callbacks.a.filename: 'x' would be written over each time; add {epoch",
        ),
        (
            "best_checkpoint",
            {**BEST, "save_top_k": 3},
            "callbacks.best_checkpoint.save_top_k: best_model.ckpt is one file",
        ),
    ],
)
def test_a_file_name_that_would_fail_or_lose_files_is_refused(name: str, node: Config, message: str) -> None:
    with pytest.raises(UserError) as refused:
        check_checkpoint(node, f"callbacks.{name}")
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)
    assert ("callbacks=[default,top_checkpoints]" in str(refused.value)) == (name == "best_checkpoint")


@pytest.mark.parametrize("option", ["top_checkpoints", "[default,top_checkpoints]", "[top_checkpoints,default]"])
def test_the_option_of_the_three_best_trains_alone_and_beside_the_others(option: str, tmp_path: Path) -> None:
    nodes = composed(f"callbacks={option}", "monitor=val/acc", "mode=max", "++callbacks.progress_bar=null")["callbacks"]
    nodes = {name: node for name, node in nodes.items() if node is not None}
    for name, node in nodes.items():
        check_checkpoint(node, f"callbacks.{name}")
    fit_with(tmp_path, nodes, max_epochs=5)
    top = [name for name in names(tmp_path) if re.fullmatch(r"top_epoch_00\d-0\.\d{4}\.ckpt", name)]
    others = set() if option == "top_checkpoints" else {"best_model.ckpt", "epoch_005.ckpt", "last.ckpt"}
    assert len(top) == 3
    assert set(names(tmp_path)) == {*top, *others}
