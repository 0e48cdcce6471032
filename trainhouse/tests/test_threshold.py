"""Two classes: what they are measured by, and the threshold that validation chooses, in training and afterwards."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from src.evaluation.binary import Binary, best_by_f1
from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.predicting.ensemble import rebuild_ensemble
from trainhouse.tests.common import composed
from trainhouse.training.train import train


def test_the_threshold_with_the_best_f1_is_found_as_by_trying_all() -> None:
    random = np.random.default_rng(0)
    p = torch.tensor(random.random(200).round(2))
    y = torch.tensor((random.random(200) < p.numpy() ** 2).astype(int))

    def f1(threshold: float) -> float:
        said = p >= threshold
        return float(2 * (said & (y == 1)).sum() / (said.sum() + (y == 1).sum()))

    assert f1(best_by_f1(p, y)) == max(f1(threshold) for threshold in p.tolist())
    assert best_by_f1(p, torch.zeros(200)) == 0.5


def test_measures_are_of_the_second_class_at_the_threshold() -> None:
    metric = Binary(2, ("no", "yes"), "test", 0.3)
    p = torch.tensor([0.1, 0.4, 0.6, 0.2])
    metric.update(torch.stack([torch.zeros(4), torch.logit(p)], dim=1), torch.tensor([0, 0, 1, 1]))
    found = {name: round(float(value), 4) for name, value in metric.compute().items()}
    assert found == {
        "auroc": 0.75,
        "average_precision": 0.8333,
        "balanced_acc": 0.5,
        "recall_yes": 0.5,
        "precision_yes": 0.5,
        "f1_yes": 0.5,
        "threshold": 0.3,
    }


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Rows of which a tenth is of the second class, and hard to find."""
    random, folder = np.random.default_rng(0), tmp_path_factory.mktemp("table")
    x = random.normal(size=(400, 3)).astype(np.float32)
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", (x[:, 0] + random.normal(size=400) > 1.8).astype(int))
    return ["data=npy", f"data.features={folder}/x.npy", f"data.labels={folder}/y.npy", "trainer=cpu"]


def test_a_chosen_threshold_is_in_the_checkpoint_and_decides_what_is_predicted(
    table: list[str], tmp_path: Path
) -> None:
    options = ["metrics=[auto,binary]", "metrics.binary.threshold=f1", "trainer.max_epochs=3"]
    result = train(composed(*table, *options, "model=linear", "callbacks.progress_bar=null"), tmp_path)
    chosen = result.metrics["val/threshold"]
    assert result.metrics["test/threshold"] == chosen != 0.5
    assert json.loads((tmp_path / "metrics.json").read_text())["exact"] is True
    checkpoint = load_checkpoint(tmp_path)
    assert checkpoint.metrics["val/threshold"] == pytest.approx(chosen)
    for module in (rebuild_ensemble([checkpoint]), rebuild_ensemble([checkpoint, checkpoint])):
        said = torch.tensor([[1 - chosen + 0.01, chosen - 0.01], [1 - chosen - 0.01, chosen + 0.01]])
        assert module.prediction_columns(said)["prediction"].tolist() == [0, 1]
        assert module.task.decide(said.numpy()).tolist() == [0, 1]


def test_more_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"metrics\.binary.*is for two classes, but there are 4"):
        train(composed("metrics=[auto,binary]"), tmp_path)
