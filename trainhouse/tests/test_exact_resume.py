"""A run that is resumed from any moment ends with the same bits as one that never stopped."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from trainhouse.configuration.settings import Train
from trainhouse.tests.common import read_history
from trainhouse.tests.tiny import tiny_config
from trainhouse.training.train import train

# Everything that decides what is learned; each row is a run, resumed from each of its moments.
RUNS = {
    "plain": [],
    "cosine": ["scheduler=cosine"],
    "one cycle": ["scheduler=one_cycle"],
    "plateau": ["scheduler=plateau", "scheduler.patience=0"],
    "accumulation": ["trainer.accumulate_grad_batches=2", "scheduler=cosine"],
    "accumulation, plateau, two validations": [
        "trainer.accumulate_grad_batches=2",
        "scheduler=plateau",
        "scheduler.patience=0",
        "trainer.val_check_interval=0.5",
    ],
    "three validations": ["trainer.val_check_interval=0.34", "scheduler=cosine"],
    "validation every other epoch": ["trainer.check_val_every_n_epoch=2", "scheduler=plateau"],
    "validation every second step": ["trainer.check_val_every_n_epoch=null", "trainer.val_check_interval=2"],
    "max steps": ["trainer.max_steps=7", "scheduler=cosine"],
    "early stopping": ["callbacks.early_stopping.patience=1", "optimizer.lr=1.0", "trainer.max_epochs=9"],
    "early stopping within an epoch": [
        "callbacks.early_stopping.patience=1",
        "trainer.val_check_interval=0.34",
        "optimizer.lr=1.0",
        "trainer.max_epochs=9",
    ],
    "no validation": ["trainer.limit_val_batches=0", "monitor=train/loss"],
    "half of the batches": ["trainer.limit_train_batches=2", "trainer.limit_val_batches=1"],
    "sgd, clipped": ["optimizer=sgd", "trainer.gradient_clip_val=0.1"],
    "blocks": ["data.shuffle=blocks", "data.block_rows=4", "data.window_blocks=3"],
    "min epochs": ["callbacks.early_stopping.patience=0", "optimizer.lr=1.0", "trainer.min_epochs=3"],
}


def configuration(folder: Path, *overrides: str) -> Train:
    keep = ["+callbacks.keep._target_=trainhouse.tests.kept.KeepAll", "trainer.max_epochs=3", "preflight=false"]
    data = ["data.noise=2.0", "model.dropout=0.5", "callbacks.epoch_checkpoint.every_n_epochs=1"]
    return tiny_config(folder / "rows.npy", *keep, *data, *overrides)


def outcome(folder: Path) -> dict[str, Any]:
    """All that a run has learned and measured."""
    last = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    rows = [
        {name: value for name, value in row.items() if "seconds" not in name}
        for row in read_history(folder / "logs" / "metrics.csv")
    ]
    metrics = json.loads((folder / "metrics.json").read_text())
    return {
        "weights": last["state_dict"],
        "optimizer": last["optimizer_states"],
        "schedule": last["lr_schedulers"],
        "rows": rows,
        "metrics": metrics["metrics"],
        "epochs": metrics["epochs"],
        "best": metrics["best_epoch"],
        "stopped_by": metrics["stopped_by"],
    }


def same(left: Any, right: Any) -> bool:
    if isinstance(left, torch.Tensor):
        return torch.equal(left, right)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def differing(left: dict[str, Any], right: dict[str, Any]) -> list[str]:
    return [name for name in left if not same(left[name], right[name])]


def resumed_from(moment: Path, config: Train, folder: Path) -> dict[str, Any]:
    (folder / "checkpoints").mkdir(parents=True)
    shutil.copy(moment, folder / "checkpoints" / "last.ckpt")
    shutil.copytree(moment.parents[1] / "logs", folder / "logs")
    if moment.with_suffix(".best").exists():
        shutil.copy(moment.with_suffix(".best"), folder / "checkpoints" / "best_model.ckpt")
    plain = config.with_values({"callbacks.keep": None})
    train(plain, folder, resume_from=moment)
    return outcome(folder)


# What another kind of run has in it as well.
COVERED = ("cosine", "one cycle", "accumulation", "three validations", "validation every second step", "early stopping")


@pytest.mark.parametrize("every_moment", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["some", "every"])
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in COVERED else name for name in RUNS]
)
def test_resuming_from_any_moment_changes_no_bit(name: str, every_moment: bool, tmp_path: Path) -> None:
    config = configuration(tmp_path, *RUNS[name])
    train(config, tmp_path / "whole")
    whole = outcome(tmp_path / "whole")
    moments = sorted((tmp_path / "whole" / "kept").glob("*.ckpt"))
    if name == "max steps":  # after its last step there is nothing to resume until the epoch's end is written
        moments = [moment for moment in moments if moment.stem != "018_batch_end"]
    assert len(moments) >= 9
    if not every_moment:
        moments = moments[len(name) % 8 :: 12]
    wrong = {}
    for number, moment in enumerate(moments):
        if bad := differing(whole, resumed_from(moment, config, tmp_path / f"resumed_{number}")):
            wrong[moment.stem] = bad
    assert not wrong, f"{len(wrong)} of {len(moments)}: {wrong}"
