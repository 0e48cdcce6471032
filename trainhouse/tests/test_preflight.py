"""A mistake that would end the run after its first epoch is found before it, and looking for it leaves no trace."""

import copy
import random
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from torch import Tensor, nn

from src.models.simple_net import SimpleNet
from trainhouse.configuration.errors import UserError
from trainhouse.tests.common import composed, run_script
from trainhouse.tests.own import OPTIONS
from trainhouse.tests.test_exact_resume import differing, outcome
from trainhouse.tests.tiny import CLASSES, TARGETS, tiny_config, tiny_data, tiny_module
from trainhouse.training.preflight import preflight
from trainhouse.training.train import train

TINY = ["data.path=rows.npy", "data.rows=60", "data.columns=4", "data.classes=3", "logger=none", "trainer=cpu"]


class StopsByNope(EarlyStopping):
    def __init__(self, monitor: str = "val/nope", mode: str = "min") -> None:
        super().__init__(monitor, mode=mode)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "callbacks.best_checkpoint.monitor=val/accc",
            r"^callbacks\.best_checkpoint\.monitor: 'val/accc' is not logged; did you mean 'val/acc'\? \(there are: .*",
        ),
        (
            "callbacks.early_stopping.monitor=val/los",
            r"^callbacks\.early_stopping\.monitor: 'val/los' is not logged; did you mean 'val/loss'\?",
        ),
        (
            "+callbacks.mine._target_=trainhouse.tests.test_preflight.StopsByNope",
            r"^callbacks\.mine\.monitor: 'val/nope' is not logged",
        ),
    ],
)
def test_a_monitor_that_nothing_logs_is_refused_before_the_first_epoch(
    override: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message) as refused:
        train(tiny_config(tmp_path / "rows.npy", override), tmp_path / "run")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "run/logs/metrics.csv").exists()
    assert list((tmp_path / "run/checkpoints").iterdir()) == []


def test_the_command_ends_in_one_line(tmp_path: Path) -> None:
    done = run_script("train.py", *TINY, "callbacks.early_stopping.monitor=val/los", "hydra.run.dir=run", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: callbacks.early_stopping.monitor: 'val/los' is not logged; did you mean")
    assert len(done.stderr.splitlines()) == 1
    assert "epoch 1" not in done.stdout


@pytest.mark.parametrize("name", ["best_checkpoint", "early_stopping"])
def test_without_it_the_mistake_costs_an_epoch(name: str, tmp_path: Path) -> None:
    trained = Counted.batches = []
    options = ["preflight=false", f"callbacks.{name}.monitor=val/los", f"model._target_={__name__}.Counted"]
    with pytest.raises(Exception, match="val/los"):
        train(tiny_config(tmp_path / "rows.npy", *options), tmp_path / "run")
    assert trained.count(True) == 3


def test_a_schedule_that_monitors_what_nothing_logs_is_refused() -> None:
    data = tiny_data(CLASSES)
    module = tiny_module(data, scheduler=torch.optim.lr_scheduler.ReduceLROnPlateau, monitor="val/los")
    with pytest.raises(
        UserError, match=r"conditioned on metric val/los which is not available\. Available metrics are: \['val/loss'"
    ) as refused:
        preflight(module, data, [], OPTIONS)
    assert "\n" not in str(refused.value)


def test_monitors_that_are_logged_pass() -> None:
    data = tiny_data(CLASSES)
    module = tiny_module(data, scheduler=torch.optim.lr_scheduler.ReduceLROnPlateau)
    preflight(module, data, [EarlyStopping("train/acc"), ModelCheckpoint(monitor="val/f1")], OPTIONS)


@pytest.mark.parametrize("option", ["scheduler=one_cycle", "scheduler=plateau"])
def test_a_run_ends_with_the_same_bits_with_and_without_it(option: str, tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "rows.npy", "model.dropout=0.5", "model.batch_norm=true", option)
    for tried in (True, False):
        train(config.with_values({"preflight": tried}), tmp_path / str(tried))
    assert differing(outcome(tmp_path / "True"), outcome(tmp_path / "False")) == []


class Drawing(nn.Module):
    """Draws from all three generators in each pass."""

    def __init__(self) -> None:
        super().__init__()
        self.network = SimpleNet((4,), 3, hidden_sizes=(8,), dropout=0.5, batch_norm=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x) * (1 + random.random() * np.random.random_sample()) + torch.rand(1)


def test_nothing_is_left_behind() -> None:
    data = tiny_data(CLASSES)
    module = tiny_module(data, Drawing(), optimizer=partial(torch.optim.Adam, lr=0.1))
    weights = copy.deepcopy(module.state_dict())
    metrics = [metric for metric in module.modules() if hasattr(metric, "update_count")]
    states = torch.get_rng_state(), str(np.random.get_state()), random.getstate()
    handlers = [signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGINT)]
    cursor = copy.copy(data.cursor)
    callback = EarlyStopping("val/loss")
    callback_before = callback.state_dict()
    preflight(module, data, [callback], OPTIONS)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert str(np.random.get_state()) == states[1]
    assert random.getstate() == states[2]
    assert "network.network.layers.2.running_mean" in weights
    assert all(torch.equal(value, weights[name]) for name, value in module.state_dict().items())
    assert metrics
    assert all(metric.update_count == 0 for metric in metrics)
    assert all(weight.grad is None for weight in module.parameters())
    assert module.training
    assert module._trainer is None
    assert data.trainer is None
    assert data.cursor == cursor
    assert callback.state_dict() == callback_before
    assert [signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGINT)] == handlers


def test_nothing_is_left_behind_when_it_fails() -> None:
    data = tiny_data(CLASSES)
    module = tiny_module(data, Drawing())
    module.loss = nn.Identity()  # which takes no targets
    states = torch.get_rng_state(), str(np.random.get_state()), random.getstate()
    with pytest.raises(TypeError):
        preflight(module, data, [EarlyStopping("val/loss")], OPTIONS)
    assert (str(np.random.get_state()), random.getstate()) == states[1:]
    assert torch.equal(torch.get_rng_state(), states[0])


def test_regression_in_batches_of_one_row_works(tmp_path: Path) -> None:
    data = tiny_data(TARGETS, batch_size=1)
    preflight(tiny_module(data), data, [EarlyStopping("val/r2")], OPTIONS)
    x = np.random.RandomState(0).standard_normal((20, 4)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", x[:, 0])
    files = ["data=npy", f"data.features={tmp_path}/x.npy", f"data.labels={tmp_path}/y.npy", "data.batch_size=1"]
    options = ["trainer=cpu", "trainer.max_epochs=1", "callbacks.progress_bar=null"]
    assert train(composed(*files, *options), tmp_path / "run").epochs == 1


@pytest.mark.filterwarnings("ignore:Total length of `list` across ranks is zero")
def test_a_run_without_validation_rows_works(tmp_path: Path) -> None:
    options = ["data.split=[0.8,0,0.2]", "monitor=train/loss", "trainer.max_epochs=1"]
    assert train(tiny_config(tmp_path / "rows.npy", *options), tmp_path / "run").epochs == 1


class Counted(nn.Module):
    """Notes of each batch whether it was trained on."""

    batches: list[bool] = []  # noqa: RUF012

    def __init__(self, input_shape: Sequence[int], outputs: int, **of_simple_net: object) -> None:
        super().__init__()
        self.layer = nn.Linear(input_shape[0], outputs)

    def forward(self, x: Tensor) -> Tensor:
        self.batches.append(self.training)
        return self.layer(x)


class _NoWayBack(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        raise RuntimeError("no way back")


class FailsBackward(Counted):
    """Can predict, but not learn."""

    def forward(self, x: Tensor) -> Tensor:
        return _NoWayBack.apply(super().forward(x))


class FailsInValidation(Counted):
    """Can learn, but not predict."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            raise RuntimeError("no validation")
        return super().forward(x)


class Narrow(Counted):
    """Gives too few outputs for the labels."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:, :1]


@pytest.mark.parametrize(
    ("network", "error", "trained"),
    [("FailsBackward", "no way back", 1), ("FailsInValidation", "no validation", 1), ("Narrow", "Target", 1)],
)
def test_a_network_that_fails_on_its_way_is_found_with_one_batch(
    network: str, error: str, trained: int, tmp_path: Path
) -> None:
    batches = Counted.batches = []
    config = tiny_config(tmp_path / "rows.npy", f"model._target_=trainhouse.tests.test_preflight.{network}")
    with pytest.raises((RuntimeError, IndexError), match=error):
        train(config, tmp_path / "run")
    assert batches.count(True) == trained
    assert not (tmp_path / "run/logs/metrics.csv").exists()
    assert list((tmp_path / "run/checkpoints").iterdir()) == []


def test_of_more_batches_than_two_it_needs_none(tmp_path: Path) -> None:
    data = tiny_data(CLASSES)
    network = Counted((4,), 3)
    batches = Counted.batches = []
    preflight(tiny_module(data, network), data, [], OPTIONS)
    assert batches == [True, False]


class Idle(Counted):
    """Has a weight that no step uses."""

    def __init__(self, input_shape: Sequence[int], outputs: int, **of_simple_net: object) -> None:
        super().__init__(input_shape, outputs)
        self.idle = nn.Parameter(torch.ones(1))


def test_weights_that_a_step_misses_are_refused_under_ddp_which_would_wait_for_them(tmp_path: Path) -> None:
    options = ["model._target_=trainhouse.tests.test_preflight.Idle", "trainer.devices=2"]
    with pytest.raises(UserError, match=r"^trainer.strategy: a step of Module \(network.idle\) leaves .*_true$"):
        train(tiny_config(tmp_path / "rows.npy", *options), tmp_path / "run")
