"""The last, shorter group of accumulated batches counts as much as the others, with either step."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.spec import Dataset, DataSpec, Rows
from trainhouse.fast.lean_loop import NoProfiler
from trainhouse.fast.lean_step import use_lean_loop
from trainhouse.tests.tiny import tiny_module, tiny_trainer
from trainhouse.training.accumulation import weight_in_step

SPEC = DataSpec(task="regression", input_shape=(4,), dtype="float32", outputs=1)


class Batches(L.Callback):
    """Notes the rows of each batch as the module gets them."""

    def __init__(self) -> None:
        self.seen: list[tuple[Tensor, Tensor]] = []

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self.seen.append((batch[0].clone(), batch[1].clone()))


def stepped(
    module: L.LightningModule, batches: list[tuple[Tensor, Tensor]], size: int, lr: float, start: np.ndarray
) -> np.ndarray:
    """Return weights and bias after one epoch of SGD whose steps are the mean of the batches there are, by numpy."""
    weights = start.copy()
    for first in range(0, len(batches), size):
        group, gradients = batches[first : first + size], []
        for x, y in group:
            inputs = np.column_stack([module.preprocessing(x).double().numpy(), np.ones(len(x))])
            error = inputs @ weights - module._scale(y, torch.zeros(y.shape))[:, 0].double().numpy()
            gradients.append(2 * inputs.T @ error / len(x))
        weights -= lr * np.mean(gradients, axis=0)
    return weights


@pytest.mark.parametrize("lean", [True, False], ids=["lean", "Lightning's step"])
@pytest.mark.parametrize(("batches", "size"), [(5, 4), (7, 4), (3, 5), (8, 4), (5, 1)])
def test_each_step_is_the_mean_of_its_batches(batches: int, size: int, lean: bool, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(batches * 4, 4)).astype("float32")
    y = (x @ [1.0, -2.0, 3.0, 0.5] + random.normal(size=len(x))).astype("float32")[:, None]
    data = DataModule(Dataset(SPEC, Rows(x, y), "tiny"), 4, 0, [1.0, 0.0, 0.0], split_seed=0, seed=0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 1))
    module = tiny_module(data, network, optimizer=lambda weights: torch.optim.SGD(weights, lr=0.1, weight_decay=0.0))
    start = torch.cat([network[1].weight[0], network[1].bias]).detach().double().numpy()
    seen = Batches()
    trainer = tiny_trainer(tmp_path, seen, accumulate_grad_batches=size, profiler=NoProfiler() if lean else None)
    if lean:
        use_lean_loop(trainer)
    trainer.fit(module, datamodule=data)
    assert len(seen.seen) == batches
    found = torch.cat([network[1].weight[0], network[1].bias]).detach().double().numpy()
    assert found == pytest.approx(stepped(module, seen.seen, size, 0.1, start), abs=1e-5)


def test_an_epoch_of_no_known_length_is_left_as_it_is() -> None:
    endless = SimpleNamespace(accumulate_grad_batches=4, num_training_batches=float("inf"))
    assert weight_in_step(endless, 9) == 1.0
    five = SimpleNamespace(accumulate_grad_batches=4, num_training_batches=5)
    assert [weight_in_step(five, batch) for batch in range(5)] == [1.0, 1.0, 1.0, 1.0, 4.0]
