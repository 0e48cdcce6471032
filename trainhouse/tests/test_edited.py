"""A run whose config.yaml was edited is not resumed: what it learns from then on would be that of no configuration."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.runs.saved_config import config_header
from trainhouse.tests.common import composed, run_script
from trainhouse.tests.tiny import tiny_run
from trainhouse.training.resume import resume

MadeOnce = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture
def killed(made_once: MadeOnce, tmp_path: Path) -> Path:
    """A run that has trained two epochs, and was killed then."""
    shutil.copytree(tiny_run(made_once), tmp_path / "run")
    content = json.loads((tmp_path / "run/metrics.json").read_text()) | {"status": "running"}
    (tmp_path / "run/metrics.json").write_text(json.dumps(content))
    return tmp_path / "run"


def edit(folder: Path, key: str, value: Any) -> None:
    config = OmegaConf.load(folder / "config.yaml")
    for name in ("defaults", "hydra"):
        config.pop(name, None)
    if value == "deleted":
        group, _, name = key.rpartition(".")
        OmegaConf.select(config, group).pop(name)
    else:
        OmegaConf.update(config, key, value, force_add=True)
    (folder / "config.yaml").write_text(config_header(folder) + OmegaConf.to_yaml(config))


def resumed(folder: Path, *overrides: str) -> Any:
    arguments = [f"resume={folder}", *overrides]
    return resume(folder, composed(*arguments), arguments)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("data.split_seed", 7, "data.split_seed is 7, not 0"),
        ("optimizer.lr", 0.5, "optimizer.lr is 0.5, not 0.001"),
        ("model.hidden_sizes", [99], "model.hidden_sizes is [99], not [8]"),
        ("model.hidden_sizes", [8, 8], "model.hidden_sizes is [8, 8], not [8]"),
        ("seed", 1, "seed is 1, not 0"),
        ("trainer.limit_train_batches", 1, "trainer.limit_train_batches is 1, not 1.0"),
        ("trainer.accumulate_grad_batches", 2, "trainer.accumulate_grad_batches is 2, not 1"),
        ("model.dropout", 0.5, "model.dropout is 0.5, not 0"),
        ("callbacks.best_checkpoint.mode", "max", 'callbacks.best_checkpoint.mode is "max", not "min"'),
        ("optimizer.weight_decay", "deleted", "optimizer.weight_decay is null, not 0.0"),
        ("monitor", "val/acc", 'monitor is "val/acc", not "val/loss"'),
    ],
)
def test_an_edited_key_is_refused_by_name_and_nothing_is_changed(key: str, value: Any, said: str, killed: Path) -> None:
    edit(killed, key, value)
    before = {path: path.read_bytes() for path in killed.rglob("*") if path.is_file()}
    with pytest.raises(UserError) as refused:
        resumed(killed, "trainer.max_epochs=3")
    text = str(refused.value)
    assert text.startswith(f"{killed}/config.yaml: was edited after the run had begun: {said}")
    assert "last.ckpt; put it back, or start a new run with init_from=" in text
    assert "\n" not in text
    assert {path: path.read_bytes() for path in killed.rglob("*") if path.is_file()} == before


def test_several_edited_keys_are_named_the_first_of_many(killed: Path) -> None:
    for number, key in enumerate(("seed", "data.split_seed", "optimizer.lr", "model.dropout", "data.fold", "monitor")):
        edit(killed, key, "val/acc" if key == "monitor" else number + 1)
    with pytest.raises(UserError, match=r"seed is 1, not 0.*and 1 more as in last\.ckpt"):
        resumed(killed)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("trainer.max_epochs", 3),
        ("data.num_workers", 1),
        ("callbacks.early_stopping", None),
        ("callbacks.early_stopping.patience", 5),
        ("preflight", False),
        ("resume", "last"),
        ("sweep.metric", "val/acc"),
    ],
)
def test_what_may_change_on_the_command_line_may_have_been_edited(key: str, value: Any, killed: Path) -> None:
    edit(killed, key, value)
    assert resumed(killed, "trainer.max_epochs=3").epochs == 3


def test_what_was_typed_at_one_resume_is_no_edit_at_the_next(killed: Path) -> None:
    edit(killed, "trainer.max_epochs", 4)  # as a resume with trainer.max_epochs=4 leaves it that was killed at once
    assert resumed(killed, "data.num_workers=0").epochs == 4
    assert load_checkpoint(killed / "checkpoints/last.ckpt").config.trainer.max_epochs == 4


def test_the_command_ends_in_one_line(killed: Path) -> None:
    edit(killed, "optimizer.lr", 0.5)
    done = run_script("train.py", "resume=run", cwd=killed.parent)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "error: run/config.yaml: was edited after the run had begun: optimizer.lr is 0.5, not"
    )
    assert done.stderr.count("\n") == 1


def test_a_run_whose_length_was_edited_is_still_ones_own(killed: Path) -> None:
    """Its checkpoints are signed again, so that its data paths need not be typed from then on."""
    edit(killed, "trainer.max_epochs", 3)
    resumed(killed)
    checkpoint = load_checkpoint(killed / "checkpoints" / "last.ckpt")
    assert checkpoint.epoch == 3
    assert checkpoint.foreign is None
    assert checkpoint.has_own_data


def test_a_run_in_whose_configuration_a_callback_was_edited_is_not(killed: Path) -> None:
    edit(killed, "callbacks.last_checkpoint.dirpath", "elsewhere")
    with pytest.raises(UserError):
        resumed(killed, "trainer.max_epochs=3")
    assert not Path("elsewhere").exists()
