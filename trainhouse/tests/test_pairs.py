"""Pairs of LightningModule and LightningDataModule as users write them: trained as they are, resumed bit for bit."""

import csv
import json
import logging
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.settings import Train
from trainhouse.predicting.own_evaluation import evaluate_own
from trainhouse.tests.common import composed
from trainhouse.tests.pair_house import NAMES, outcome, pair_config, read_checkpoint, train_until
from trainhouse.tests.test_exact_resume import differing
from trainhouse.training.train import train

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),  # what Lightning thinks of the users' classes
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]

EXACT = [name for name in NAMES if name != "own_rng"]
VALIDATED = [name for name in NAMES if name != "adversarial"]
WITH_WORKERS = ["autoencoder", "contrastive", "discs", "fine_tuning", "forecasting", "mnist_template"]
# By default; in the tests that are not about them there are none.
HAVE_WORKERS = ("contrastive", "padded_text")


def configuration(name: str, tmp_path: Path, *overrides: str) -> Train:
    workers = ["data.num_workers=0"] if name in HAVE_WORKERS else []
    return pair_config(name, tmp_path / "files", *workers, *overrides)


Whole = Callable[..., tuple[Train, Path]]


@pytest.fixture(scope="session")
def whole(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Whole:
    """Train a pair without a stop, once for all tests; return its configuration and the run's folder."""
    files = made_once("pair_files", lambda folder: None)

    def get(name: str, *overrides: str) -> tuple[Train, Path]:
        config = configuration(name, files / name, *overrides)
        key = "-".join([name, *(override.replace("=", "_") for override in overrides)])
        return config, made_once(f"pair_{key}", lambda folder: _train(config, folder))

    return get


def _train(config: Train, folder: Path) -> None:
    train(config, folder)


def metrics_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_a_pair_is_trained_and_leaves_a_whole_run_folder(name: str, whole: Whole) -> None:
    _, folder = whole(name)
    content = metrics_of(folder)
    assert content["status"] == "completed"
    assert content["epochs"] == 3
    assert content["exact"] is (name != "own_rng")
    assert all(math.isfinite(value) for value in content["metrics"].values())
    is_tested = name not in ("adversarial", "contrastive")
    assert any(key.startswith("test") for key in content["metrics"]) is is_tested
    files = ["checkpoints/last.ckpt", "figures/loss_curve.png", "logs/metrics.csv", "config.yaml"]
    if name in VALIDATED:
        assert content["monitor"] in content["metrics"]
        files.append("checkpoints/best_model.ckpt")
    for file in files:
        assert (folder / file).stat().st_size > 0
    for checkpoint in (folder / "checkpoints").glob("*.ckpt"):
        assert read_checkpoint(checkpoint)["state_dict"]
    with open(folder / "logs" / "metrics.csv", newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2", "3"]


def assert_resumed_exactly(whole: tuple[Train, Path], folder: Path, epoch: int, batch: int) -> None:
    config, uninterrupted = whole
    checkpoint = train_until(config, folder, epoch, batch)
    position = read_checkpoint(checkpoint)["callbacks"]["ExactResume"]
    assert (position["epoch"], position["batch"]) == ((epoch, batch) if batch else (epoch + 1, 0))
    train(config.with_values({"preflight": False}), folder, resume_from=checkpoint)
    assert differing(outcome(uninterrupted), outcome(folder)) == []
    assert metrics_of(folder)["exact"] is True


@pytest.mark.parametrize("name", EXACT)
def test_a_pair_killed_within_an_epoch_is_resumed_bit_for_bit(name: str, whole: Whole, tmp_path: Path) -> None:
    assert_resumed_exactly(whole(name), tmp_path / "killed", 1, 2)


@pytest.mark.parametrize(
    ("name", "epoch", "batch"),
    [
        ("adversarial", 0, 1),
        ("stream", 1, 9),  # the last one, of data without a length
        pytest.param("two_loaders", 1, 5, marks=pytest.mark.slow),  # the shorter loader has begun again
        pytest.param("reload", 2, 0, marks=pytest.mark.slow),
        pytest.param("forecasting", 0, 0, marks=pytest.mark.slow),
        ("accumulation", 1, 4),  # within what is accumulated
        ("generator", 0, 8),  # the last one: the generator has drawn, and nothing is left to be read
        pytest.param("stateful", 1, 10, marks=pytest.mark.slow),
    ],
)
def test_it_is_so_from_other_moments(name: str, epoch: int, batch: int, whole: Whole, tmp_path: Path) -> None:
    assert_resumed_exactly(whole(name), tmp_path / "killed", epoch, batch)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXACT)
def test_a_pair_is_resumed_bit_for_bit_from_every_moment(name: str, tmp_path: Path) -> None:
    config = configuration(name, tmp_path)
    keep = {"_target_": "trainhouse.tests.kept.KeepAll"}
    train(config.with_values({"callbacks.keep": keep}), tmp_path / "whole")
    whole, wrong = outcome(tmp_path / "whole"), {}
    moments = sorted((tmp_path / "whole" / "kept").glob("*.ckpt"))
    if name == "stateful":  # such a loader's own state is a batch ahead when a step begins
        moments = [moment for moment in moments if "batch_start" not in moment.stem]
    assert len(moments) > 20
    for moment in moments:
        folder = tmp_path / moment.stem
        (folder / "checkpoints").mkdir(parents=True)
        shutil.copy(moment, folder / "checkpoints" / "last.ckpt")
        shutil.copytree(tmp_path / "whole" / "logs", folder / "logs")
        if moment.with_suffix(".best").exists():
            shutil.copy(moment.with_suffix(".best"), folder / "checkpoints" / "best_model.ckpt")
        train(config.with_values({"preflight": False}), folder, resume_from=moment)
        if bad := differing(whole, outcome(folder)):
            wrong[moment.stem] = bad
    assert not wrong


@pytest.mark.parametrize(
    "name",
    [
        "stream",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("padded_text", *WITH_WORKERS)),
    ],
)
def test_workers_change_nothing_about_that(name: str, whole: Whole, tmp_path: Path) -> None:
    assert_resumed_exactly(whole(name, "data.num_workers=2"), tmp_path / "killed", 1, 4)


@pytest.mark.parametrize("name", ["padded_text", "discs"])
def test_the_number_of_workers_does_not_decide_what_is_learned(name: str, whole: Whole, tmp_path: Path) -> None:
    _, without = whole(name)
    config = configuration(name, without.parent / "pair_files" / name, "data.num_workers=2")
    train(config, tmp_path / "run")
    assert differing(outcome(without), outcome(tmp_path / "run")) == ["datamodule_hyper_parameters"][: name == "discs"]


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_data_with_a_random_state_of_its_own_is_named(
    workers: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        train(configuration("own_rng", tmp_path, f"data.num_workers={workers}"), tmp_path / "run")
    said = [line for line in caplog.messages if "not exact" in line]
    assert len(said) == 1
    assert "NoisyDataModule" in said[0]
    content = metrics_of(tmp_path / "run")
    assert content["exact"] is False
    assert "NoisyDataModule" in str(content)


class Seen:
    """The rows of every batch that `RareClassifier` is tested on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from src.models.weighted import RareClassifier

        self.passes: list[list[list[float]]] = []
        step, seen = RareClassifier.test_step, self

        def test_step(self: Any, batch: Any, batch_idx: int) -> None:
            if batch_idx == 0:
                seen.passes.append([])
            seen.passes[-1] += batch[0].tolist()
            step(self, batch, batch_idx)

        monkeypatch.setattr(RareClassifier, "test_step", test_step)


def eval_config(tmp_path: Path) -> Train:
    return composed("ckpt_path=unused", "trainer=cpu", config_name="eval")


def test_the_test_rows_of_a_random_split_are_the_same_in_every_act(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, config = Seen(monkeypatch), configuration("weighted", tmp_path)
    train(config, tmp_path / "whole")
    train(config, tmp_path / "killed", resume_from=train_until(config, tmp_path / "killed", 1, 3))
    (tmp_path / "eval").mkdir()
    checkpoint = load_checkpoint(tmp_path / "whole" / "checkpoints" / "best_model.ckpt")
    evaluate_own(checkpoint, eval_config(tmp_path), tmp_path / "eval")
    at_the_end, resumed, evaluated = seen.passes
    assert at_the_end == resumed == evaluated
    assert metrics_of(tmp_path / "eval")["metrics"]["test/f1"] == metrics_of(tmp_path / "whole")["metrics"]["test/f1"]

    torch.manual_seed(1)  # the process's own draws decide nothing
    train(configuration("weighted", tmp_path, "trainer.max_epochs=1", "model.lr=0.1"), tmp_path / "other")
    train(configuration("weighted", tmp_path, "trainer.max_epochs=1", "seed=1"), tmp_path / "seed")
    assert seen.passes[3] == at_the_end
    assert sorted(seen.passes[4]) != sorted(at_the_end)
