"""The lean step does what Lightning's does: the same hooks in the same order, the same weights to the bit."""

from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from torch.optim.lr_scheduler import ReduceLROnPlateau

from src.training.module import Module
from src.training.schedules import one_cycle
from trainhouse.fast.lean_loop import NoProfiler
from trainhouse.fast.lean_step import LeanEpochLoop, use_lean_loop
from trainhouse.tests.tiny import CLASSES, tiny_data, tiny_module, tiny_trainer

_HOOKS = [name for name in dir(L.Callback) if name.startswith("on_") and "checkpoint" not in name]
PLANS: dict[str, dict[str, Any]] = {
    "plain": {},
    "accumulates and clips": {"accumulate_grad_batches": 2, "gradient_clip_val": 0.01},
    "validates within an epoch": {"val_check_interval": 2},
    "ends by steps": {"max_epochs": -1, "max_steps": 7},
    "bfloat16": {"precision": "bf16-mixed"},
}


class Trace(L.Callback):
    """Notes each hook with the counters as they are in it."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        for name in _HOOKS:
            setattr(self, name, self._noting(name))

    def _noting(self, name: str) -> Any:
        def hook(trainer: L.Trainer, module: L.LightningModule, *args: Any) -> None:
            outputs = args[0] if name == "on_train_batch_end" else {}
            loss = {key: value.item() for key, value in outputs.items()}
            where = (trainer.current_epoch, trainer.global_step, [value for value in args if isinstance(value, int)])
            self.calls.append((name, module._current_fx_name, *where, loss))

        return hook


class LogsSteps(Module):
    """Logs a value at every step, and returns more than the loss."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = super().training_step(batch, batch_idx)
        self.log("train/doubled", 2 * loss, on_step=True, on_epoch=True)
        return {"loss": loss, "rows": torch.tensor(len(batch[1]))}


class SkipsSteps(Module):
    """Trains on every other batch."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = super().training_step(batch, batch_idx)
        return loss if batch_idx % 2 else None


class CountsNothing(Module):
    """Has a step that doesn't ask for the batch's number, as Lightning allows."""

    def training_step(self, batch: Any) -> Any:  # type: ignore[override]
        return super().training_step(batch, 0)


def _trained(
    folder: Path, lean: bool, plan: dict[str, Any], kind: type[Module] = Module, scheduler: Any = None
) -> tuple[Any, ...]:
    data, trace = tiny_data(CLASSES), Trace()
    module = tiny_module(data, scheduler=scheduler)
    module.__class__ = kind
    trainer = tiny_trainer(folder, trace, profiler=NoProfiler(), **{"max_epochs": 2, **plan})
    if lean:
        use_lean_loop(trainer)
    torch.manual_seed(0)
    trainer.fit(module, data)
    if lean:
        loop = trainer.fit_loop.epoch_loop
        assert isinstance(loop, LeanEpochLoop)
        assert loop._is_plain
    metrics = {name: value.item() for name, value in trainer.callback_metrics.items()}
    rate = trainer.optimizers[0].param_groups[0]["lr"]
    return trace.calls, metrics, rate, [weight.detach().tolist() for weight in module.parameters()]


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_the_lean_step_is_lightnings_step(plan: dict[str, Any], tmp_path: Path) -> None:
    found, expected = (_trained(tmp_path / str(lean), lean, plan) for lean in (True, False))
    assert found == expected


@pytest.mark.parametrize("scheduler", [one_cycle, partial(ReduceLROnPlateau, patience=0, threshold=1.0)])
@pytest.mark.parametrize("plan", [{}, {"accumulate_grad_batches": 2}], ids=["plain", "accumulates"])
def test_schedules_are_followed_as_lightning_follows_them(plan: dict[str, Any], scheduler: Any, tmp_path: Path) -> None:
    plan = {"max_epochs": 4, **plan}
    found, expected = (_trained(tmp_path / str(lean), lean, plan, scheduler=scheduler) for lean in (True, False))
    assert found == expected


@pytest.mark.filterwarnings("ignore:.training_step. returned .None.")
@pytest.mark.parametrize("kind", [LogsSteps, SkipsSteps, CountsNothing])
def test_whatever_a_step_returns_is_taken_as_lightning_takes_it(kind: type[Module], tmp_path: Path) -> None:
    found, expected = (_trained(tmp_path / str(lean), lean, {}, kind) for lean in (True, False))
    assert found == expected


@pytest.mark.parametrize("output", [{"rows": 3}, 0.5], ids=["no loss", "a number"])
def test_a_step_that_returns_no_loss_hears_lightnings_words(output: Any, tmp_path: Path) -> None:
    data = tiny_data(CLASSES)
    module = tiny_module(data)
    module.training_step = lambda batch, batch_idx: output  # type: ignore[method-assign]
    trainer = tiny_trainer(tmp_path, profiler=NoProfiler())
    use_lean_loop(trainer)
    with pytest.raises(MisconfigurationException, match=r"automatic.optimization"):
        trainer.fit(module, data)


def test_a_module_with_a_step_of_its_own_gets_lightnings_loop(tmp_path: Path) -> None:
    data = tiny_data(CLASSES)
    module = tiny_module(data)
    seen: list[int] = []

    class Own(type(module)):  # type: ignore[misc]
        def on_train_batch_start(self, batch: Any, batch_idx: int) -> int | None:
            seen.append(batch_idx)
            return -1 if batch_idx == 2 else None

    module.__class__ = Own
    trainer = tiny_trainer(tmp_path, profiler=NoProfiler())
    use_lean_loop(trainer)
    trainer.fit(module, data)
    assert seen == [0, 1, 2]
    assert trainer.global_step == 2
