"""One step for validation and test logs one name twice: the test's value is kept as another, and nothing is hidden."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration import targets
from trainhouse.predicting.own_evaluation import evaluate_own
from trainhouse.reports.finished_runs import find_runs
from trainhouse.reports.names import as_tested
from trainhouse.reports.ranking import rank
from trainhouse.tests.common import composed, read_history
from trainhouse.tests.own import OwnData, OwnModule, own_config
from trainhouse.training.train import train

VALIDATION, TEST = 2.0, 5.0


class SharedStep(OwnModule):
    """What many modules do."""

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.log("val_loss", self.layer(batch[0]).square().mean())
        self.log("vl", batch[0].mean())

    test_step = validation_step


class ThreeSplits(OwnData):
    def val_dataloader(self) -> Any:
        return DataLoader(TensorDataset(torch.full((3, 2), VALIDATION)), batch_size=3)

    def test_dataloader(self) -> Any:
        return DataLoader(TensorDataset(torch.full((3, 2), TEST)), batch_size=3)


def loss_of(best_model: Path, value: float) -> float:
    """The loss in numpy, of the weights in the file."""
    weights = torch.load(best_model, weights_only=True)["state_dict"]
    layer, bias = weights["layer.weight"].numpy(), weights["layer.bias"].numpy()
    return float(np.square(layer @ np.full(2, value) + bias).mean())


@pytest.fixture(scope="module")
def run(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    def make(folder: Path) -> None:
        train(own_config(SharedStep, ThreeSplits, "monitor=val_loss", "logger=csv"), folder)

    return made_once("shared_step", make)


def test_the_tests_numbers_stand_beside_those_of_validation(run: Path) -> None:
    content = json.loads((run / "metrics.json").read_text())
    metrics = content["metrics"]
    best = run / content["best_model"]
    assert metrics["val_loss"] == pytest.approx(loss_of(best, VALIDATION), rel=1e-5)
    assert metrics["test/val_loss"] == pytest.approx(loss_of(best, TEST), rel=1e-5)
    assert (metrics["vl"], metrics["test/vl"]) == (VALIDATION, TEST)
    assert metrics["val_loss"] == min(row["val_loss"] for row in read_history(run / "logs" / "metrics.csv"))
    assert content["directions"]["test/val_loss"] == "min"


def test_the_logs_keep_them_apart_too(run: Path) -> None:
    with open(run / "logs" / "steps" / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["vl"]) for row in rows if row.get("vl")] == [VALIDATION] * 2
    assert [float(row["test/vl"]) for row in rows if row.get("test/vl")] == [TEST]


def test_runs_are_ranked_by_either(run: Path) -> None:
    for metric in ("val_loss", "test/val_loss"):
        ranking = rank(find_runs(run), metric, None, None)
        assert (len(ranking.runs), ranking.metric, ranking.mode) == (1, metric, "min")


def test_evaluation_gives_the_same_name_and_number(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "_NO_PART_OF_THE_LIBRARY", ())  # so that a file may name the classes above
    content = json.loads((run / "metrics.json").read_text())
    config = composed(f"ckpt_path='{run}'", "trainer=cpu", config_name="eval")
    for split, prefix in (("test", "test/"), ("val", "")):
        evaluate_own(load_checkpoint(run / content["best_model"]), config.with_values({"split": split}), tmp_path)
        measured = json.loads((tmp_path / "metrics.json").read_text())["metrics"]
        assert measured == {f"{prefix}{name}": content["metrics"][f"{prefix}{name}"] for name in ("val_loss", "vl")}


@pytest.mark.parametrize(
    ("name", "others", "expected"),
    [
        ("test/loss", ["val/loss"], "test/loss"),
        ("acc", ["val/loss"], "acc"),
        ("acc", ["acc"], "test/acc"),
        ("val_loss", [], "test/val_loss"),
        ("loss/dataloader_idx_1", ["loss"], "test/loss/dataloader_idx_1"),
        ("loss", ["loss/dataloader_idx_0"], "test/loss"),
    ],
)
def test_a_name_is_only_changed_where_it_says_something_else(name: str, others: list[str], expected: str) -> None:
    assert as_tested(name, others) == expected
