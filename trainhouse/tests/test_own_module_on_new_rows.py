"""A LightningModule of one's own on array data is measured as a plain network is, without rows that it has seen."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.predicting.own_evaluation import evaluate_own
from trainhouse.predicting.own_parts import own_parts
from trainhouse.tests.common import composed
from trainhouse.tests.pair_house import pair_config
from trainhouse.tests.test_combinations import COMBINATIONS
from trainhouse.training.rebuild_module import restore
from trainhouse.training.train import train

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # what Lightning thinks of the users' classes
NEW = 40


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run, and beside its rows a file `grown.npy` that has some more."""
    monkeypatch.chdir(tmp_path)
    train(pair_config(None, tmp_path, *COMBINATIONS["own module, arrays"], "name=test"), tmp_path / "run")
    old = np.load("rows.npy")
    new = np.column_stack([np.random.RandomState(1).standard_normal((NEW, 6)), np.arange(NEW) % 3])
    np.save("grown.npy", np.concatenate([old, new.astype(old.dtype)]))
    return tmp_path / "run"


def evaluated(folder: Path, *more: str) -> dict[str, Any]:
    config = composed("ckpt_path=run", "trainer=cpu", *more, config_name="eval")
    evaluate_own(load_checkpoint("run"), config, folder)
    return json.loads((folder / "metrics.json").read_text())


def loss_of(rows: np.ndarray) -> float:
    """The mean loss that the trained module has on rows with their labels, computed apart from all loops."""
    checkpoint = load_checkpoint("run")
    module, datamodule = own_parts(checkpoint, {})
    module = restore(module, checkpoint).eval()
    content = torch.load(checkpoint.path, weights_only=True)
    datamodule.load_state_dict(content["PreprocessingDataModule"])
    with torch.no_grad():
        x = datamodule.preprocessing(torch.from_numpy(rows[:, :-1].astype(np.float32)))  # type: ignore[attr-defined]
        return float(functional.cross_entropy(module(x), torch.from_numpy(rows[:, -1].astype(np.int64))))


def test_rows_that_it_was_trained_on_are_left_out_of_a_grown_file(run: Path, tmp_path: Path) -> None:
    rows = np.load("grown.npy")
    report = evaluated(tmp_path / "some", "+data.features=grown.npy")
    _, datamodule = own_parts(load_checkpoint("run"), {})
    seen = np.concatenate([datamodule.row_numbers_of(split) for split in ("train", "val")])  # type: ignore[attr-defined]
    new = np.delete(rows, seen, axis=0)
    assert (report["split"], report["rows"], report["rows_left_out"]) == ("all", len(new), len(seen))
    assert report["metrics"]["test_loss"] == pytest.approx(loss_of(new), rel=1e-5)
    always = json.loads(Path("run/metrics.json").read_text())["baseline"]["always"]
    share = np.mean(new[:, -1] == int(always))
    assert report["baseline"] == {"always": always, "metrics": {"all/acc": pytest.approx(share)}}
    report = evaluated(tmp_path / "all", "+data.features=grown.npy", "split=all")
    assert (report["rows"], report["rows_left_out"]) == (len(rows), 0)
    assert report["metrics"]["test_loss"] == pytest.approx(loss_of(rows), rel=1e-5)


def test_the_baseline_stands_beside_what_a_module_of_ones_own_reaches(run: Path, tmp_path: Path) -> None:
    trained = json.loads(Path("run/metrics.json").read_text())["baseline"]
    for split in ("val", "test"):
        found = evaluated(tmp_path / split, f"split={split}")["baseline"]
        assert found["metrics"] == {f"{split}/acc": trained["metrics"][f"{split}/acc"]}
    assert "baseline" not in evaluated(tmp_path / "some", "trainer.limit_test_batches=1")


def test_a_file_that_has_changed_in_its_place_is_refused(run: Path, tmp_path: Path) -> None:
    np.save("rows.npy", np.load("grown.npy"))
    with pytest.raises(UserError, match=r"has changed since .* was trained|has shape"):
        evaluated(tmp_path / "evaluated")
