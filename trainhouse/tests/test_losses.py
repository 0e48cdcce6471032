"""Losses: their values, what the data gives them, and what fits a task."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainhouse.arrays.spec import DataSpec
from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.views import Part
from trainhouse.tests.tiny import CLASSES, TARGETS, tiny_config
from trainhouse.training.build_loss import build_loss
from trainhouse.training.rebuild_module import rebuild_module
from trainhouse.training.train import train

LOGITS, CODES = torch.tensor([[2.0, 0.0], [0.0, 0.0]]), torch.tensor([0, 1])
VALUES, ONE_TARGET = torch.tensor([[1.0], [5.0]]), torch.tensor([[0.5], [2.0]])
TWO = DataSpec("classification", (4,), "float32", 2, classes=("no", "yes"))
ONE = DataSpec("regression", (4,), "float32", 1)

# -log softmax of row 0 (right class, wrong class), and of row 1.
RIGHT, WRONG, EVEN = math.log(1 + math.exp(-2)), math.log(1 + math.exp(2)), math.log(2)
P = math.exp(-RIGHT)


def built(name: str, spec: DataSpec, facts: dict[str, Any] | None = None, **arguments: Any) -> Any:
    return build_loss(Part({"_target_": f"src.training.losses.{name}", **arguments}), spec, facts or {})


@pytest.mark.parametrize(
    ("spec", "name", "arguments", "expected"),
    [
        (TWO, "Auto", {}, (RIGHT + EVEN) / 2),
        (TWO, "CrossEntropy", {}, (RIGHT + EVEN) / 2),
        (TWO, "Auto", {"label_smoothing": 0.2}, (0.9 * RIGHT + 0.1 * WRONG + EVEN) / 2),
        (TWO, "CrossEntropy", {"class_weight": [3, 1]}, (3 * RIGHT + EVEN) / 2),
        (TWO, "Auto", {"class_weight": {"yes": 1.0, "no": 3.0}}, (3 * RIGHT + EVEN) / 2),
        # Of 6 and 2 training rows: 8 / (2 * 6) and 8 / (2 * 2).
        (TWO, "CrossEntropy", {"class_weight": "balanced"}, (2 / 3 * RIGHT + 2 * EVEN) / 2),
        (TWO, "Focal", {}, ((1 - P) ** 2 * RIGHT + 0.25 * EVEN) / 2),
        (TWO, "Focal", {"gamma": 0.0, "class_weight": [3.0, 1.0]}, (3 * RIGHT + EVEN) / 2),
        (TWO, "BinaryCrossEntropy", {}, (RIGHT + EVEN) / 2),
        (TWO, "BinaryCrossEntropy", {"pos_weight": 4}, (RIGHT + 4 * EVEN) / 2),
        (TWO, "BinaryCrossEntropy", {"pos_weight": "balanced"}, (RIGHT + 3 * EVEN) / 2),
        (ONE, "Auto", {}, (0.25 + 9) / 2),
        (ONE, "mse", {}, (0.25 + 9) / 2),
        (ONE, "mae", {}, (0.5 + 3) / 2),
        (ONE, "huber", {}, (0.125 + 2.5) / 2),
        (ONE, "huber", {"delta": 2.0}, (0.125 + 2 * (3 - 1)) / 2),
        (ONE, "quantile", {}, (0.5 + 3) / 4),
        (ONE, "quantile", {"q": 0.9}, (0.1 * 0.5 + 0.1 * 3) / 2),
    ],
)
def test_a_loss_is_the_mean_over_the_batch(
    spec: DataSpec, name: str, arguments: dict[str, Any], expected: float
) -> None:
    batch = (LOGITS, CODES) if spec is TWO else (VALUES, ONE_TARGET)
    loss = built(name, spec, {"class_counts": [6, 2]}, **arguments)
    assert float(loss(*batch)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("spec", "name", "arguments", "message"),
    [
        (CLASSES, "mse", {}, "loss: mse is for regression, but this is classification"),
        (TARGETS, "CrossEntropy", {}, "loss: CrossEntropy is for classification, but this is regression"),
        (TARGETS, "Auto", {"label_smoothing": 0.1}, "loss.label_smoothing: is for classes; set it to 0"),
        (TARGETS, "Auto", {"class_weight": "balanced"}, "loss.class_weight: is for classes; set it to null"),
        (TARGETS, "huber", {"delta": 0}, "loss.delta: expected a number above 0, got 0"),
        (TARGETS, "quantile", {"q": 1}, "loss.q: expected a number above 0 to below 1, got 1"),
        (TARGETS, "quantile", {"quantile": 0.1}, "loss.quantile: .* takes no such argument"),
        (CLASSES, "BinaryCrossEntropy", {}, "loss: is for two classes, but there are 3"),
        (CLASSES, "CrossEntropy", {"class_weight": [1, 2]}, "loss.class_weight: expected a number for each of 3"),
        (CLASSES, "CrossEntropy", {"class_weight": {"a": 1}}, "loss.class_weight: needs a number for each of a, b, c"),
        (CLASSES, "Focal", {"class_weight": [0, 0, 0]}, "loss.class_weight: expected a number above 0"),
        (
            CLASSES,
            "CrossEntropy",
            {"class_weight": "balance"},
            "loss.class_weight: expected one of balanced, a list of numbers",
        ),
        (CLASSES, "CrossEntropy", {"class_weight": "balanced"}, "loss.class_weight: balanced needs the fact"),
        (CLASSES, "CrossEntropy", {"outputs": 4, "class_weight": [1, 1, 1]}, "loss.class_weight: expected a number"),
    ],
)
def test_a_loss_that_does_not_fit_is_refused_with_its_key(
    spec: DataSpec, name: str, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=f"^{message}"):
        built(name, spec, **arguments)


def test_balanced_needs_a_row_of_each_class() -> None:
    with pytest.raises(UserError, match="class_weight: balanced needs a training row of each class; class b has none "):
        built("CrossEntropy", CLASSES, {"class_counts": [3, 0, 1]}, class_weight="balanced")


def test_losses_of_torch_are_used_as_they_are() -> None:
    as_class = build_loss(Part({"_target_": "torch.nn.SmoothL1Loss", "beta": 2.0}), ONE, {})
    as_function = build_loss(Part({"_target_": "torch.nn.functional.smooth_l1_loss", "beta": 2.0}), ONE, {})
    assert float(as_class(VALUES, ONE_TARGET)) == float(as_function(VALUES, ONE_TARGET)) == (0.0625 + 2) / 2


def scaled(outputs: Tensor, targets: Tensor, classes: list[str], times: float = 1.0) -> Tensor:
    return (outputs.sum() + targets.sum()) * len(classes) * times


class NotCalled:
    pass


def test_a_function_of_ones_own_gets_its_keys_and_the_facts_that_it_asks_for() -> None:
    loss = build_loss(Part({"_target_": f"{__name__}.scaled", "times": 2.0}), TWO, {})
    assert float(loss(torch.ones(1), torch.ones(1))) == 8


def counted(outputs: Tensor, targets: Tensor, class_counts: list[int]) -> Tensor:
    return outputs.square().mean() * class_counts[0]


def test_counts_of_the_training_rows_are_those_of_the_evaluation_too(tmp_path: Path) -> None:
    settings = tiny_config(tmp_path / "rows.npy").with_values({"loss": {"_target_": f"{__name__}.counted"}})
    train(settings, tmp_path / "run")
    checkpoint = load_checkpoint(tmp_path / "run" / "checkpoints" / "last.ckpt")
    counts = checkpoint.facts["class_counts"]
    assert sum(counts) == 48
    loss = build_loss(checkpoint.config.loss, checkpoint.data_spec, checkpoint.facts)
    assert float(loss(torch.ones(1, 3), torch.zeros(1))) == counts[0]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (f"{__name__}.NotCalled", "loss._target_: .* makes nothing that can be called with outputs and targets"),
        ("torch.nn.functional.relu_", "loss._target_: relu_ does not take outputs and targets"),
    ],
)
def test_what_is_no_loss_is_refused(target: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_loss(Part({"_target_": target}), TWO, {})


def test_class_weights_of_the_training_rows_are_in_the_checkpoint(tmp_path: Path) -> None:
    settings = tiny_config(tmp_path / "rows.npy", "loss=cross_entropy", "loss.class_weight=balanced")
    train(settings, tmp_path / "run")
    module: Any = rebuild_module(load_checkpoint(tmp_path / "run" / "checkpoints" / "last.ckpt"))
    assert isinstance(module.loss, nn.Module)
    assert module.loss.weight.shape == (3,)
    assert not torch.equal(module.loss.weight, torch.ones(3))
    counts = 1 / module.loss.weight  # as N / (C * count), so that they are even in the mean over rows
    assert float((module.loss.weight * counts / counts.sum()).sum()) == pytest.approx(1, rel=1e-5)
