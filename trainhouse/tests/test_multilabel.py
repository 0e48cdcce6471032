"""Several labels of a row, any of which may be true: read, learned, measured, predicted, resumed."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from src.evaluation.multilabel import Labels
from src.evaluation.tasks import TASKS
from src.training.losses import Auto
from trainhouse.arrays.npy import read_npy
from trainhouse.configuration.errors import UserError
from trainhouse.tests.common import run_script

NAMES = ("hot", "wet", "dark")
SHORT = ("trainer=cpu", "logger=none", "threads=1", "callbacks.progress_bar=null")


def labels(count: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.normal(size=(count, 3)).astype(np.float32)
    return x, (x + random.normal(size=x.shape) / 3 > [-0.5, 0.5, 1]).astype(int)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table, trained on for three epochs."""
    folder = tmp_path_factory.mktemp("labels")
    x, y = labels(200)
    rows = [",".join(map(str, [*map(float, one), *two])) for one, two in zip(x, y, strict=True)]
    (folder / "table.csv").write_text("\n".join([f"a,b,c,{','.join(NAMES)}", *rows]) + "\n")
    table = ["data=csv", "data.file=table.csv", f"data.target=[{','.join(NAMES)}]", "data.task=multilabel"]
    done = run_script("train.py", *table, *SHORT, "trainer.max_epochs=3", "hydra.run.dir=run", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "rows of each label: hot " in done.stdout
    return folder


def test_a_run_measures_each_label_and_all_together_and_draws(folder: Path) -> None:
    content = json.loads((folder / "run" / "metrics.json").read_text())
    names = {"exact", "f1", "auroc", *(f"{kind}_{name}" for kind in ("f1", "auroc") for name in NAMES)}
    assert {name.removeprefix("test/") for name in content["metrics"] if name.startswith("test/")} == {*names, "loss"}
    assert content["directions"]["test/auroc_wet"] == "max"
    assert set(content["baseline"]["metrics"]) == {"val/exact", "test/exact"}
    assert {"label_scores.png", "worst_rows.png"} <= {path.name for path in (folder / "run" / "figures").iterdir()}


def test_it_is_evaluated_predicts_and_is_resumed(folder: Path) -> None:
    done = run_script("eval.py", "ckpt_path=run", "hydra.run.dir=eval", "logger=none", "figures=false", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^label +precision", done.stdout, re.MULTILINE)
    assert "mean of labels" in done.stdout
    assert "baseline, always" in done.stdout
    before = json.loads((folder / "run" / "metrics.json").read_text())["metrics"]
    assert json.loads((folder / "eval" / "metrics.json").read_text())["metrics"]["test/f1"] == before["test/f1"]
    done = run_script("infer.py", "ckpt_path=run", "input=table.csv", "output=said.csv", cwd=folder)
    assert done.returncode == 0, done.stderr
    with open(folder / "said.csv", newline="") as file:
        said = list(csv.DictReader(file))
    assert [*said[0]] == ["row", *(f"{kind}_{name}" for kind in ("prediction", "probability") for name in NAMES)]
    for row in said:
        assert all((float(row[f"probability_{name}"]) >= 0.5) == (row[f"prediction_{name}"] == "1") for name in NAMES)
    done = run_script("train.py", "resume=run", "trainer.max_epochs=4", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "run" / "metrics.json").read_text())["epochs"] == 4


def test_measures_are_means_over_labels_and_one_without_rows_has_no_area() -> None:
    metric = Labels(("a", "b", "c"))
    p = torch.tensor([[0.9, 0.2, 0.1], [0.8, 0.7, 0.6], [0.3, 0.4, 0.2], [0.1, 0.9, 0.3]])
    metric.update(p.logit(), torch.tensor([[1.0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0]]))
    found = {name: float(value) for name, value in metric.compute().items()}
    assert found["exact"] == 0.5
    assert [found[f"f1_{name}"] for name in "abc"] == [0.5, 1.0, 0.0]
    assert found["f1"] == 0.5
    assert (found["auroc_a"], found["auroc_b"]) == (0.75, 1.0)
    assert np.isnan(found["auroc_c"])
    assert found["auroc"] == 0.875


def test_the_loss_is_that_of_each_label_by_itself_and_predictions_go_back_to_logits() -> None:
    logits, targets = torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 0.0]])
    expected = (-logits[:, 0].sigmoid().log() - (-logits[:, 1]).sigmoid().log()) / 2
    assert torch.allclose(Auto("multilabel", 2)(logits, targets), expected)
    task = TASKS["multilabel"]
    assert torch.allclose(task.undo(task.predict(logits)), logits, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "task", "said"),
    [
        (None, None, "set data.task=multilabel"),
        (("value", 2), "multilabel", "row 5 is .* is not 0 or 1 in each column"),
        (("column", 0), "multilabel", "takes several columns of 0 and 1"),
        (("constant", 1), "multilabel", "target 1 is 1 in every row"),
    ],
)
def test_labels_that_are_none_are_refused_by_name(
    change: tuple[str, int] | None, task: str | None, said: str, tmp_path: Path
) -> None:
    x, y = labels(60)
    match change:
        case ("value", value):
            y[5, 1] = value
        case ("column", column):
            y = y[:, column]
        case ("constant", column):
            y[:, column] = 1
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    with pytest.raises(UserError, match=said):
        read_npy(str(tmp_path / "x.npy"), str(tmp_path / "y.npy"), task=task)
