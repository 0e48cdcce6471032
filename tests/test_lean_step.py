"""The lean step does what Lightning's does: the same hooks in the same order, the same weights to the bit."""

from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from tiny import CLASSES, tiny_data, tiny_module, tiny_trainer
from torch import Tensor

from src.training.lean_loop import NoProfiler
from src.training.lean_step import LeanEpochLoop, use_lean_loop

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
            loss = args[0]["loss"].item() if name == "on_train_batch_end" else None
            where = (trainer.current_epoch, trainer.global_step, [value for value in args if isinstance(value, int)])
            self.calls.append((name, module._current_fx_name, *where, loss))

        return hook


def _trained(folder: Path, lean: bool, plan: dict[str, Any]) -> tuple[list[Any], list[Tensor]]:
    data, trace = tiny_data(CLASSES), Trace()
    module = tiny_module(data)
    trainer = tiny_trainer(folder, trace, profiler=NoProfiler(), **{"max_epochs": 2, **plan})
    if lean:
        use_lean_loop(trainer)
    torch.manual_seed(0)
    trainer.fit(module, data)
    if lean:
        loop = trainer.fit_loop.epoch_loop
        assert isinstance(loop, LeanEpochLoop)
        assert loop._is_plain
    return trace.calls, [weight.detach() for weight in module.parameters()]


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_the_lean_step_is_lightnings_step(plan: dict[str, Any], tmp_path: Path) -> None:
    calls, weights = _trained(tmp_path / "lean", True, plan)
    expected_calls, expected_weights = _trained(tmp_path / "lightning", False, plan)
    assert calls == expected_calls
    assert all(torch.equal(found, expected) for found, expected in zip(weights, expected_weights, strict=True))


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
