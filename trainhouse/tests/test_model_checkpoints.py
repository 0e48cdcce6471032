"""Checkpoints of ModelCheckpoint: their names, how many there are, and the state that each keeps."""

import re
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.callbacks import ModelCheckpoint as LightningModelCheckpoint

from trainhouse.checkpoints.checkpoint import read
from trainhouse.checkpoints.model_checkpoints import check_checkpoint, tell_apart
from trainhouse.checkpoints.writing import AtomicCheckpointIO, CheckpointRecord
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Train
from trainhouse.configuration.views import Part
from trainhouse.resuming.exact_resume import ExactResume
from trainhouse.runs.created_below import create_below
from trainhouse.tests.common import composed
from trainhouse.tests.tiny import CLASSES, tiny_data, tiny_module, tiny_trainer

CHECKPOINT = "lightning.pytorch.callbacks.ModelCheckpoint"
BEST = {"_target_": CHECKPOINT, "filename": "best_model", "monitor": "val/loss", "enable_version_counter": False}
EARLY = {"_target_": "lightning.pytorch.callbacks.EarlyStopping", "monitor": "val/loss"}
MANY = {"_target_": CHECKPOINT, "monitor": "val/loss"}
TOP = {**BEST, "filename": "{epoch:03d}-{val/loss:.3f}", "save_top_k": 3}


Nodes = dict[str, dict[str, Any]]


def fit_with(folder: Path, nodes: Nodes, resume_from: Path | None = None, **options: Any) -> dict[str, Any]:
    """Train with the callbacks of a configuration; return them."""
    data = tiny_data(CLASSES)
    built = {name: create_below(folder, Part(node), f"callbacks.{name}") for name, node in nodes.items()}
    tell_apart({f"callbacks.{name}": callback for name, callback in built.items()})
    record = CheckpointRecord(Train({}), data.spec, {})
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
def test_a_file_name_is_one_whatever_is_set(options: dict[str, Any], name: str, tmp_path: Path) -> None:
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


def test_a_run_begun_with_lightnings_class_is_resumed_with_its_best_value(tmp_path: Path) -> None:
    data = tiny_data(CLASSES)
    older = LightningModelCheckpoint(tmp_path / "checkpoints", "best_model", "val/loss", enable_version_counter=False)
    record = CheckpointRecord(Train({}), data.spec, {})
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
def test_two_callbacks_that_would_be_one_are_refused(nodes: Nodes, message: str, tmp_path: Path) -> None:
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
    wrong: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as refused:
        create_below(tmp_path, Part({"_target_": CHECKPOINT, **wrong}), "callbacks.a")
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
def test_file_names_that_can_be_filled_in_are_taken(node: dict[str, Any]) -> None:
    check_checkpoint(Part(node), "callbacks.best_checkpoint")


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
def test_a_file_name_that_would_fail_or_lose_files_is_refused(name: str, node: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as refused:
        check_checkpoint(Part(node), f"callbacks.{name}")
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)
    assert ("callbacks=[default,top_checkpoints]" in str(refused.value)) == (name == "best_checkpoint")


@pytest.mark.parametrize("option", ["top_checkpoints", "[default,top_checkpoints]", "[top_checkpoints,default]"])
def test_the_option_of_the_three_best_trains_alone_and_beside_the_others(option: str, tmp_path: Path) -> None:
    parts = composed(f"callbacks={option}", "monitor=val/acc", "mode=max", "++callbacks.progress_bar=null").callbacks
    nodes = {name: part.plain for name, part in parts.items()}
    nodes.pop("early_stopping", None)  # whose patience the data decides
    for name, node in nodes.items():
        check_checkpoint(Part(node), f"callbacks.{name}")
    fit_with(tmp_path, nodes, max_epochs=5)
    top = [name for name in names(tmp_path) if re.fullmatch(r"top_epoch_00\d-0\.\d{4}\.ckpt", name)]
    others = set() if option == "top_checkpoints" else {"best_model.ckpt", "epoch_005.ckpt", "last.ckpt"}
    assert len(top) == 3
    assert set(names(tmp_path)) == {*top, *others}
