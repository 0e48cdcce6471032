"""Metrics: the numbers, over batches of uneven size, and the names they are logged under."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torchmetrics import MetricCollection

from src.evaluation.metrics import usual
from trainhouse.arrays.spec import DataSpec
from trainhouse.tests.tiny import CLASSES, TARGETS

BATCHES = (8, 8, 3)


def macro_f1(logits: np.ndarray, targets: np.ndarray) -> float:
    predicted = logits.argmax(axis=1)
    scores = []
    for code in range(logits.shape[1]):
        true, said = targets == code, predicted == code
        scores.append(2 * (true & said).sum() / (true.sum() + said.sum()))
    return float(np.mean(scores))


def r2(values: np.ndarray, targets: np.ndarray) -> float:
    left = ((targets - values) ** 2).sum(axis=0)
    return float(np.mean(1 - left / ((targets - targets.mean(axis=0)) ** 2).sum(axis=0)))


BY_HAND: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "acc": lambda logits, targets: float((logits.argmax(axis=1) == targets).mean()),
    "f1": macro_f1,
    "rmse": lambda values, targets: float(np.sqrt(((values - targets) ** 2).mean())),
    "mae": lambda values, targets: float(np.abs(values - targets).mean()),
    "r2": r2,
}


def measured(spec: DataSpec) -> tuple[dict[str, float], np.ndarray, np.ndarray]:
    """Return the test metrics of random outputs, given batch by batch, with the outputs and targets."""
    random = np.random.RandomState(1)
    outputs = random.standard_normal((sum(BATCHES), spec.outputs)).astype(np.float32)
    targets = random.randint(spec.outputs, size=len(outputs))
    if spec.task == "regression":
        targets = (3 * outputs + random.standard_normal(outputs.shape)).astype(np.float32)
    collection = MetricCollection({**usual(spec, "test")}, prefix="test/")
    start = 0
    for size in BATCHES:
        batch = slice(start, start + size)
        for each in collection.values(copy_state=False):
            each.update(torch.from_numpy(outputs[batch]), torch.from_numpy(targets[batch]))
        start += size
    return {name: float(value) for name, value in collection.compute().items()}, outputs, targets


@pytest.mark.parametrize(
    "spec",
    [CLASSES, TARGETS, DataSpec("regression", (4,), "float32", 1)],
    ids=["classes", "two targets", "one target"],
)
def test_every_metric_over_uneven_batches_is_that_of_all_rows_at_once(spec: DataSpec) -> None:
    found, outputs, targets = measured(spec)
    expected = {f"test/{name}": BY_HAND[name](outputs, targets) for name in usual(spec, "test")}
    if spec is TARGETS:
        expected = {"test/r2": expected["test/r2"]}
        for column, target in enumerate(spec.targets):
            pair = outputs[:, [column]], targets[:, [column]]
            expected |= {f"test/{name}_{target}": BY_HAND[name](*pair) for name in ("rmse", "mae", "r2")}
    assert found == pytest.approx(expected, rel=1e-4)


def test_a_class_that_is_never_seen_does_not_lower_f1() -> None:
    collection = MetricCollection({**usual(CLASSES, "val")})
    logits = torch.eye(3)[torch.tensor([0, 1, 1])]
    for each in collection.values(copy_state=False):
        each.update(logits, torch.tensor([0, 1, 1]))
    assert float(collection.compute()["f1"]) == 1.0


@pytest.mark.parametrize(
    ("spec", "split", "names"),
    [
        (CLASSES, "train", {"acc"}),
        (CLASSES, "val", {"acc", "f1"}),
        (TARGETS, "train", set()),
        (TARGETS, "test", {"rmse", "mae", "r2"}),
    ],
)
def test_a_split_has_the_metrics_of_its_task(spec: DataSpec, split: str, names: set[str]) -> None:
    assert set(usual(spec, split)) == names
