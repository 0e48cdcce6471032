"""A loss or a gradient that is not finite ends the run before it reaches the weights, and says where it came from."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from trainhouse.configuration.errors import UserError
from trainhouse.resuming.exact_resume import ExactResume
from trainhouse.tests.conftest import composed, read_history, run_script
from trainhouse.tests.own import OwnModule, own_config
from trainhouse.tests.tiny import CLASSES, TARGETS, tiny_config, tiny_data, tiny_module, tiny_trainer
from trainhouse.training.non_finite import NonFiniteGuard
from trainhouse.training.train import train

LIMIT = 3.0  # in standard deviations, which no row of `tiny_data` reaches by itself


class Poisoned(nn.Module):
    """Once it has trained on `after` batches, rows with x[:, 0] > `limit` give what `kind` says."""

    def __init__(
        self,
        input_shape: Sequence[int],
        outputs: int,
        kind: str = "undefined",
        after: int = 0,
        limit: float = LIMIT,
        hidden_sizes: Sequence[int] = (),
        dropout: float = 0.0,
        activation: str = "",
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        self.first = nn.Linear(input_shape[0], 16)
        self.wide = nn.Linear(16, 500)
        self.drop = nn.Dropout(dropout)
        self.last = nn.Linear(500, outputs)
        self.kind, self.after, self.limit, self.trained_on = kind, after, limit, 0
        self.is_bad = False
        self.wide.weight.register_hook(self._of_wide)

    def _of_wide(self, gradient: Tensor) -> Tensor:
        if self.kind == "one element" and self.is_bad:
            gradient = gradient.clone()
            gradient[3, 5] = torch.nan
        return gradient

    def forward(self, x: Tensor) -> Tensor:
        bad = (x[:, 0] > self.limit) & (self.training and self.trained_on >= self.after)
        self.is_bad = bool(bad.any())
        if self.training and torch.is_grad_enabled():
            self.trained_on += 1
        hidden = self.drop(self.wide(self.first(x)))
        if self.kind == "gradient":  # sqrt(0): the value is 0, the slope 1/0
            hidden = hidden + torch.where(bad[:, None], hidden - hidden.detach(), 0).square().sqrt()
        outputs = self.last(hidden)
        value = {"undefined": torch.nan, "inf": torch.inf, "huge": 1e30}.get(self.kind)
        return outputs if value is None else torch.where(bad[:, None], value, outputs)


class Before(L.Callback):
    """Keeps the weights and the optimizer's state as they were before the last batch."""

    def on_train_batch_start(self, trainer: L.Trainer, module: L.LightningModule, batch: Any, batch_idx: int) -> None:
        self.weights = {name: value.detach().clone() for name, value in module.named_parameters()}
        states = trainer.optimizers[0].state.values()
        self.states = [{name: value.clone() for name, value in state.items()} for state in states]


def saved_batch(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "bad_batch.npz") as saved:
        return {name: saved[name] for name in saved.files}


class Stopped:
    """What there is to see of a run of a network that turns bad."""

    def __init__(self, folder: Path, kind: str, after: int = 0, spec: Any = CLASSES, **options: Any) -> None:
        self.data = tiny_data(spec)
        rows, numbers = self.data.parts["train"]
        assert numbers is not None
        self.planted = sorted(int(number) for number in numbers[:2])
        rows.x[self.planted, 0] = 50
        network = Poisoned((4,), spec.outputs, kind, after)
        self.module = tiny_module(self.data, network, optimizer=lambda groups: torch.optim.Adam(groups, lr=0.01))
        self.before = Before()
        callbacks = [ExactResume(0, self.data.cursor), NonFiniteGuard(folder, 0), self.before]
        self.trainer = tiny_trainer(folder, *callbacks, max_epochs=5, **options)
        with pytest.raises(UserError) as stopped:
            self.trainer.fit(self.module, datamodule=self.data)
        self.message = str(stopped.value)
        self.batch = saved_batch(folder)

    def position(self) -> tuple[int, int]:
        return self.trainer.current_epoch, self.trainer.fit_loop.batch_idx

    def served(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The row numbers of the batch in which it stopped, and those rows."""
        rows, _ = self.data.parts["train"]
        numbers = self.data.train_batches().row_numbers(*self.position())
        return numbers, rows.x[numbers], rows.y[numbers]

    def assert_weights_are_those_before(self) -> None:
        after = dict(self.module.named_parameters())
        assert after.keys() == self.before.weights.keys()
        assert all(torch.equal(after[name], value) for name, value in self.before.weights.items())
        states = list(self.trainer.optimizers[0].state.values())
        assert len(states) == len(self.before.states)
        for now, then in zip(states, self.before.states, strict=True):
            assert all(torch.equal(now[name], value) for name, value in then.items())


VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "accumulation": {"accumulate_grad_batches": 2},
    "clipping": {"gradient_clip_val": 0.1},
    "clipping by value": {"gradient_clip_val": 0.1, "gradient_clip_algorithm": "value"},
    "bf16-mixed": {"precision": "bf16-mixed"},
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kind", ["undefined", "inf", "gradient", "one element"])
def test_it_stops_before_the_step_with_the_batch_that_did_it(kind: str, variant: str, tmp_path: Path) -> None:
    stopped = Stopped(tmp_path, kind, after=7, **VARIANTS[variant])
    stopped.assert_weights_are_those_before()
    epoch, batch = stopped.position()
    assert (epoch, batch) >= (1, 2)  # not before it turned bad
    step = stopped.trainer.global_step
    assert f"at epoch {epoch + 1}, step {step + 1}, batch {batch + 1}; the weights were not updated" in stopped.message
    assert "\n" not in stopped.message
    numbers, x, y = stopped.served()
    assert stopped.batch["rows"].tolist() == numbers.tolist()
    assert np.array_equal(stopped.batch["x"], x)
    assert np.array_equal(stopped.batch["y"], y)
    bad = [number for number in numbers.tolist() if number in stopped.planted]
    if kind in ("undefined", "inf"):
        assert stopped.message.startswith("training diverged: the loss is ")
        listed = f"row{'s' if len(bad) > 1 else ''} {', '.join(map(str, bad))} of the data"
        assert f" for {listed} at epoch" in stopped.message
        assert stopped.batch["bad_rows"].tolist() == bad
    else:
        assert "not finite" in stopped.message
        assert "the gradient of network.wide.weight" in stopped.message or kind == "gradient"
        assert "network.last.weight" not in stopped.message
        assert stopped.batch["bad_rows"].tolist() == []


@pytest.mark.parametrize("kind", ["gradient", "one element"])
def test_of_accumulated_batches_the_one_that_did_it_is_named(kind: str, tmp_path: Path) -> None:
    stopped = Stopped(tmp_path, kind, accumulate_grad_batches=5)  # the whole epoch is one step
    assert set(stopped.planted) & set(stopped.batch["rows"].tolist())


def test_a_finite_prediction_whose_loss_is_infinite_names_no_row(tmp_path: Path) -> None:
    stopped = Stopped(tmp_path, "huge", spec=TARGETS)
    stopped.assert_weights_are_those_before()
    assert stopped.message.startswith("training diverged: the loss is inf at epoch 1, step ")
    assert stopped.batch["bad_rows"].tolist() == []
    assert stopped.batch["rows"].tolist() == stopped.served()[0].tolist()


def test_one_parameter_is_named_and_no_other(tmp_path: Path) -> None:
    stopped = Stopped(tmp_path, "one element")
    assert "the gradient of network.wide.weight is not finite at epoch 1" in stopped.message


def configuration(folder: Path, *overrides: str) -> dict[str, Any]:
    network = [
        "model._target_=trainhouse.tests.test_non_finite.Poisoned",
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
    network = ["model._target_=trainhouse.tests.test_non_finite.Poisoned", "+model.limit=1.5"]
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
        train({**config, "callbacks": {}}, tmp_path / "run")


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
