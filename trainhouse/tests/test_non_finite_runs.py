"""A run that was stopped by a loss that is not finite keeps its last good state; a healthy one notices no guard."""

import json
import math
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from trainhouse.configuration.errors import UserError
from trainhouse.tests.common import composed, read_history, run_script
from trainhouse.tests.own import OwnModule, own_config
from trainhouse.tests.poisoned import saved_batch
from trainhouse.tests.tiny import tiny_config
from trainhouse.training.train import train


def configuration(folder: Path, *overrides: str) -> dict[str, Any]:
    network = [
        "model._target_=trainhouse.tests.poisoned.Poisoned",
        "+model.limit=1.5",
        "+model.after=4",
        "+model.kind=undefined",
    ]
    options = ["callbacks.epoch_checkpoint.every_n_epochs=1", "callbacks.last_checkpoint.every_n_train_steps=1"]
    return tiny_config(folder / "rows.npy", *network, *options, "trainer.max_epochs=5", *overrides)


@pytest.mark.parametrize("kind", ["undefined", "gradient", "one element"])
def test_the_folder_of_a_run_that_was_stopped_holds_finite_checkpoints_only(kind: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the last good state in .*run/checkpoints/last\.ckpt\. In a new run"):
        train(configuration(tmp_path, f"model.kind={kind}"), tmp_path / "run")
    checkpoints = list((tmp_path / "run/checkpoints").iterdir())
    assert {path.name for path in checkpoints} >= {"epoch_001.ckpt", "best_model.ckpt", "last.ckpt"}
    for path in checkpoints:
        content = torch.load(path, weights_only=True)
        values = [*content["state_dict"].values()]
        values += [v for s in content["optimizer_states"][0]["state"].values() for v in s.values()]
        assert all(value.isfinite().all() for value in values), path
    assert json.loads((tmp_path / "run/metrics.json").read_text())["status"] == "failed"
    batch, rows = saved_batch(tmp_path / "run"), np.load(tmp_path / "rows.npy")
    assert len(batch["rows"]) == 16
    assert np.array_equal(batch["x"], rows[batch["rows"], :-1])
    assert np.array_equal(batch["y"], rows[batch["rows"], -1].astype(np.int64))


def test_a_step_that_overflows_is_not_saved_and_not_called_harmless(tmp_path: Path) -> None:
    random = np.random.RandomState(0)
    x = random.standard_normal((40, 4)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", x[:, 0])
    files = ["data=npy", f"data.features={tmp_path}/x.npy", f"data.labels={tmp_path}/y.npy"]
    options = [
        "optimizer=sgd",
        "optimizer.momentum=0",
        "optimizer.nesterov=false",
        "optimizer.lr=3e38",
        "callbacks.progress_bar=null",
    ]
    one_step = ["trainer.limit_train_batches=1", "trainer.limit_val_batches=0", "monitor=train/loss", "preflight=false"]
    with pytest.raises(UserError, match=r"is not finite after the last step") as stopped:
        train(composed(*files, *options, *one_step, "trainer=cpu", "model.hidden_sizes=[]"), tmp_path / "run")
    assert list((tmp_path / "run/checkpoints").iterdir()) == []
    assert "the weights were not updated" not in str(stopped.value)


def test_the_command_ends_in_one_line(tmp_path: Path) -> None:
    rows = ["data.path=rows.npy", "data.rows=60", "data.columns=4", "data.classes=3", "data.batch_size=16"]
    network = ["model._target_=trainhouse.tests.poisoned.Poisoned", "+model.limit=1.5"]
    done = run_script("train.py", *rows, *network, "logger=none", "hydra.run.dir=run", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: training diverged: the loss is nan for row")
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stdout
    assert "Traceback" in (tmp_path / "run/logs/training.log").read_text()
    assert (tmp_path / "run/bad_batch.npz").is_file()


@pytest.mark.parametrize(
    "options",
    [
        ["model.dropout=0.5"],
        ["model.dropout=0.5", "trainer.accumulate_grad_batches=2", "trainer.gradient_clip_val=0.1"],
        ["trainer.precision=bf16-mixed", "model.batch_norm=true"],
    ],
    ids=["plain", "accumulated and clipped", "bf16-mixed"],
)
def test_healthy_training_is_the_same_with_and_without_the_guard(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config(tmp_path / "rows.npy", "preflight=false", "optimizer.lr=0.01", *options)
    train(config, tmp_path / "guarded")
    monkeypatch.setattr("trainhouse.training.build.NonFiniteGuard", lambda *_: L.Callback())
    train(config, tmp_path / "free")
    assert not (tmp_path / "guarded/bad_batch.npz").exists()
    guarded, free = (
        torch.load(tmp_path / f"{n}/checkpoints/last.ckpt", weights_only=True) for n in ("guarded", "free")
    )
    for name, value in free["state_dict"].items():
        assert torch.equal(guarded["state_dict"][name], value), name
    for number, state in free["optimizer_states"][0]["state"].items():
        for name, value in state.items():
            assert torch.equal(guarded["optimizer_states"][0]["state"][number][name], value), (number, name)
    losses = [
        [row["train/loss"] for row in read_history(tmp_path / f"{n}/logs/metrics.csv")] for n in ("guarded", "free")
    ]
    assert losses[0] == losses[1]


def test_the_guard_is_there_without_a_word_in_the_configuration(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    with pytest.raises(UserError, match="no state was saved before"):
        train(config.with_values({"callbacks": {}}), tmp_path / "run")


class Breaks(OwnModule):
    """Has a loss that is no number at the second batch of the first epoch."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return super().training_step([batch["x"]], batch_idx) * (math.nan if batch_idx == 1 else 1.0)


class Mappings(L.LightningDataModule):
    """Serves batches that are mappings; may say which rows they are."""

    def train_dataloader(self) -> Any:
        rows = [{"x": torch.ones(2), "row": number, "file": f"{number}.png"} for number in range(6)]
        return DataLoader(rows, batch_size=3)


class Numbered(Mappings):
    def row_numbers(self, batch: Any) -> Any:
        return batch["row"]


@pytest.mark.parametrize(
    ("data", "named"),
    [(Mappings, "the loss is nan at"), (Numbered, "the loss is nan for a batch of rows 3, 4, 5 of the")],
)
def test_a_batch_of_ones_own_is_saved_as_it_is_and_named_where_the_data_knows_its_rows(
    data: type, named: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=rf"^training diverged: {named}.* epoch 1, .* batch 2;.*bad_batch\.pt"):
        train(own_config(Breaks, data, "preflight=false"), tmp_path)
    saved = torch.load(tmp_path / "bad_batch.pt", weights_only=True)
    assert torch.equal(saved["x"], torch.ones(3, 2))
    assert saved["file"] == ["3.png", "4.png", "5.png"]
