"""Dates in seconds and in days, as columns and as targets, through train.py, eval.py, infer.py and a resume."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trainhouse.arrays.split import split_rows
from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.tests.common import run_script
from trainhouse.training.rebuild_module import rebuild_module

ROWS = 300
TRAINING = ["data=csv", "data.file=table.csv", "data.target=[start,weight]", "model=linear", "trainer=cpu"]
TRAINING += [
    "trainer.max_epochs=30",
    "optimizer.lr=0.1",
    "logger=none",
    "callbacks.progress_bar=null",
]


def table() -> tuple[np.ndarray, np.ndarray]:
    """Return features and targets."""
    random = np.random.RandomState(0)
    day, clock = random.standard_normal((2, ROWS))
    x = np.stack([2460000.5 + 0.1 * day, 1.6e9 + 5 * clock], axis=1).round(6)
    y = np.stack([1.7e9 + 20 * day, 60 + 0.5 * clock], axis=1).round(4)
    return x, y


def write(folder: Path) -> None:
    lines = [",".join(map(repr, row)) for row in np.concatenate(table(), axis=1).tolist()]
    (folder / "table.csv").write_text("\n".join(["julian,clock,start,weight", *lines]) + "\n")


def done(*words: str, cwd: Path) -> str:
    ended = run_script(*words, cwd=cwd)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture
def folder(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A working folder in which the table was trained on; only read it."""

    def make(folder: Path) -> None:
        write(folder)
        done("train.py", *TRAINING, "hydra.run.dir=run", cwd=folder)

    return made_once("far_numbers", make)


def rows_of_test() -> np.ndarray:
    return split_rows(table()[1], [0.8, 0.1, 0.1], 0, None, 5)["test"]


def reference(folder: Path) -> np.ndarray:
    """Return the predictions of the trained weights behind a standardisation in extended precision."""
    x, y = (values.astype(np.longdouble) for values in table())
    train = split_rows(table()[1], [0.8, 0.1, 0.1], 0, None, 5)["train"]
    module: Any = rebuild_module(load_checkpoint(folder / "run"))
    rows = (x - x[train].mean(axis=0)) / x[train].std(axis=0)
    with torch.inference_mode():
        outputs = module.network.double()(torch.from_numpy(rows.astype(np.float64))).numpy()
    return (outputs * y[train].std(axis=0) + y[train].mean(axis=0)).astype(np.float64)


def test_metrics_are_those_of_float64(folder: Path) -> None:
    metrics = json.loads((folder / "run" / "metrics.json").read_text())["metrics"]
    rows, true = rows_of_test(), table()[1]
    errors = reference(folder)[rows] - true[rows]
    for column, name in enumerate(("start", "weight")):
        assert metrics[f"test/rmse_{name}"] == pytest.approx(np.sqrt((errors[:, column] ** 2).mean()), rel=1e-3)
        assert metrics[f"test/mae_{name}"] == pytest.approx(np.abs(errors[:, column]).mean(), rel=1e-3)
        r2 = 1 - (errors[:, column] ** 2).sum() / ((true[rows, column] - true[rows, column].mean()) ** 2).sum()
        assert metrics[f"test/r2_{name}"] == pytest.approx(r2, rel=1e-4)
        assert r2 > 0.9, "it learned from columns that are all the same number in float32"


def test_eval_gives_the_numbers_of_training_and_the_true_targets(folder: Path, tmp_path: Path) -> None:
    words = [f"ckpt_path={folder / 'run'}", "predictions=true", "trainer=cpu", f"hydra.run.dir={tmp_path / 'eval'}"]
    done("eval.py", *words, cwd=folder)
    found = json.loads((tmp_path / "eval" / "metrics.json").read_text())["metrics"]
    trained = json.loads((folder / "run" / "metrics.json").read_text())["metrics"]
    assert found == pytest.approx(
        {name: value for name, value in trained.items() if name.startswith("test/")}, rel=1e-6
    )
    written = np.genfromtxt(tmp_path / "eval" / "predictions.csv", delimiter=",", names=True)
    np.testing.assert_array_equal(np.sort(written["target_start"]), np.sort(table()[1][rows_of_test(), 0]))
    np.testing.assert_allclose(
        np.sort(written["prediction_start"]), np.sort(reference(folder)[rows_of_test(), 0]), rtol=0, atol=1e-3
    )


@pytest.mark.parametrize("kind", ["csv", "float64", "one row at a time"])
def test_infer_predicts_what_float64_would(kind: str, folder: Path, tmp_path: Path) -> None:
    given, batch_size = folder / "table.csv", 64
    if kind == "float64":
        given = tmp_path / "rows.npy"
        np.save(given, table()[0])
    if kind == "one row at a time":
        batch_size = 1
    words = [f"input={given}", f"output={tmp_path / 'out.npy'}", f"ckpt_path={folder / 'run'}", "accelerator=cpu"]
    done("infer.py", *words, f"batch_size={batch_size}", cwd=folder)
    found = np.load(tmp_path / "out.npy")
    expected = reference(folder)
    np.testing.assert_allclose(found["prediction_start"], expected[:, 0], rtol=0, atol=1e-3)
    np.testing.assert_allclose(found["prediction_weight"], expected[:, 1], rtol=0, atol=1e-4)


@pytest.mark.slow
def test_a_resumed_run_ends_with_the_same_weights(folder: Path, tmp_path: Path) -> None:
    write(tmp_path)
    done("train.py", *TRAINING, "trainer.max_epochs=20", "hydra.run.dir=run", cwd=tmp_path)
    done("train.py", "resume=run", "trainer.max_epochs=30", cwd=tmp_path)
    one, other = (load_checkpoint(place / "run" / "checkpoints" / "last.ckpt") for place in (folder, tmp_path))
    assert one.epoch == other.epoch == 30
    assert all(torch.equal(value, other.state_dict[name]) for name, value in one.state_dict.items())
    assert one.state_dict["preprocessing.mean"].dtype == torch.float64
