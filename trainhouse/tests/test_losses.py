"""Losses: their values, and the names that fit a task."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from src.training.losses import build_loss
from trainhouse.arrays.spec import TaskName
from trainhouse.configuration.errors import UserError

LOGITS, CODES = torch.tensor([[2.0, 0.0], [0.0, 0.0]]), torch.tensor([0, 1])
VALUES, TARGETS = torch.tensor([[1.0], [5.0]]), torch.tensor([[0.5], [2.0]])

# -log softmax of row 0 (right class, wrong class), and of row 1.
RIGHT, WRONG, EVEN = math.log(1 + math.exp(-2)), math.log(1 + math.exp(2)), math.log(2)


@pytest.mark.parametrize(
    ("task", "arguments", "batch", "expected"),
    [
        ("classification", {}, (LOGITS, CODES), (RIGHT + EVEN) / 2),
        ("classification", {"name": "cross_entropy"}, (LOGITS, CODES), (RIGHT + EVEN) / 2),
        (
            "classification",
            {"label_smoothing": 0.2},
            (LOGITS, CODES),
            (0.9 * RIGHT + 0.1 * WRONG + EVEN) / 2,
        ),
        ("regression", {}, (VALUES, TARGETS), (0.25 + 9) / 2),
        ("regression", {"name": "mse"}, (VALUES, TARGETS), (0.25 + 9) / 2),
        ("regression", {"name": "mae"}, (VALUES, TARGETS), (0.5 + 3) / 2),
        ("regression", {"name": "huber"}, (VALUES, TARGETS), (0.125 + 2.5) / 2),
    ],
)
def test_a_loss_is_the_mean_over_the_batch(
    task: TaskName, arguments: dict[str, Any], batch: tuple[Tensor, Tensor], expected: float
) -> None:
    assert float(build_loss(task, **arguments)(*batch)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("task", "name", "options"),
    [
        ("classification", "mse", "auto, cross_entropy"),
        ("regression", "cross_entropy", "auto, mse, mae, huber"),
        ("regression", "msee", "auto, mse, mae, huber"),
    ],
)
def test_a_loss_that_does_not_fit_the_task_is_refused_with_those_that_do(
    task: TaskName, name: str, options: str
) -> None:
    with pytest.raises(UserError, match=f"^loss.name: for {task} expected one of {options}, got '{name}'"):
        build_loss(task, name)
