"""A loss or a gradient that is not finite ends training before it reaches the weights, and says where it came from."""

from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch

from trainhouse.configuration.errors import UserError
from trainhouse.resuming.exact_resume import ExactResume
from trainhouse.tests.poisoned import Poisoned, saved_batch
from trainhouse.tests.tiny import CLASSES, TARGETS, tiny_data, tiny_module, tiny_trainer
from trainhouse.training.non_finite import NonFiniteGuard


class Before(L.Callback):
    """Keeps the weights and the optimizer's state as they were before the last batch."""

    def on_train_batch_start(self, trainer: L.Trainer, module: L.LightningModule, batch: Any, batch_idx: int) -> None:
        self.weights = {name: value.detach().clone() for name, value in module.named_parameters()}
        states = trainer.optimizers[0].state.values()
        self.states = [{name: value.clone() for name, value in state.items()} for state in states]


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


class AsOnGpu(NonFiniteGuard):
    """Looks when it would on a GPU, with gradients that are on the CPU."""

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        self._on_cpu = False


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD, torch.optim.RMSprop])
def test_an_optimizer_that_is_handed_the_result_steps_as_without(kind: Any, fused: bool, tmp_path: Path) -> None:
    options = {} if kind is torch.optim.RMSprop else {"fused": fused}
    weights = []
    for name, guards in (("without", []), ("with", [AsOnGpu(tmp_path, 0)])):
        data = tiny_data(CLASSES)
        module = tiny_module(data, optimizer=lambda groups: kind(groups, lr=0.01, **options))
        tiny_trainer(tmp_path / name, *guards, max_epochs=2).fit(module, datamodule=data)
        weights.append(module.state_dict())
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


class FirstBadStep(L.Callback):
    """Notes the first step whose loss or gradients are not finite."""

    def __init__(self) -> None:
        self.bad: list[int] = []

    def on_before_backward(self, trainer: L.Trainer, pl_module: L.LightningModule, loss: torch.Tensor) -> None:
        if not loss.isfinite():
            self.bad.append(trainer.global_step)

    def on_before_optimizer_step(self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: Any) -> None:
        if not all(weight.grad is None or weight.grad.isfinite().all() for weight in pl_module.parameters()):
            self.bad.append(trainer.global_step)


@pytest.mark.parametrize("kernel", [True, False])
@pytest.mark.parametrize("kind", ["gradient", "huge"])
@pytest.mark.parametrize("fused", [True, False])
def test_on_a_gpu_weights_stay_what_they_were_before_anything_turned_bad(
    fused: bool, kind: str, kernel: bool, tmp_path: Path
) -> None:
    data = tiny_data(TARGETS if kind == "huge" else CLASSES)
    rows, numbers = data.parts["train"]
    assert numbers is not None
    rows.x[numbers[:2], 0] = 50
    network = Poisoned((4,), data.spec.outputs, kind, after=7)
    module = tiny_module(data, network, optimizer=lambda groups: torch.optim.Adam(groups, lr=0.01, fused=fused))
    seen, guard = FirstBadStep(), AsOnGpu(tmp_path, 0)
    guard._finite = guard._finite if kernel else None
    trainer = tiny_trainer(tmp_path, ExactResume(0, data.cursor), seen, guard, max_epochs=5, log_every_n_steps=3)
    with pytest.raises(UserError, match=r"^training diverged: ") as caught:
        trainer.fit(module, datamodule=data)
    assert f", step {seen.bad[0] + 1}, " in str(caught.value)
    assert all(value.isfinite().all() for value in module.state_dict().values())
