"""Finding runs, and what their records say, from folders written by hand."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.errors import UserError
from trainhouse.reports.finished_runs import find_runs
from trainhouse.tests.ranked import KEY, order, three_runs
from trainhouse.tests.tiny import CLASSES, TARGETS, fake_run, tiny_data, tiny_module


@pytest.fixture
def three(tmp_path: Path) -> Path:
    return three_runs(tmp_path)


def test_runs_are_found_at_any_depth_and_only_finished_ones(three: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="trainhouse.reports")
    fake_run(three / "sweep" / "7", {"val/loss": 0.1})
    fake_run(three / "running", {}, status="running")
    fake_run(three / "failed", {}, status="failed")
    fake_run(three / "no model", {}, best_model=None)
    (fake_run(three / "deleted", {}) / "checkpoints" / "best_model.ckpt").unlink()
    (three / "evaluation").mkdir()
    (three / "evaluation" / "metrics.json").write_text('{"split": "test", "metrics": {}}')
    assert [run.folder.name for run in find_runs(three)] == ["a", "b", "c", "7"]
    for name in ("running", "failed", "no model", "deleted"):
        assert f"left out: {three / name}" in caplog.text


@pytest.mark.parametrize("text", ["{", "", "[]", "3"])
def test_a_damaged_record_is_passed_over(three: Path, text: str) -> None:
    (three / "damaged").mkdir()
    (three / "damaged" / "metrics.json").write_text(text)
    assert order(three) == "bac"


def test_an_unreadable_record_is_named(three: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="trainhouse.reports")
    (three / "damaged").mkdir()
    (three / "damaged" / "metrics.json").write_text("{")
    find_runs(three)
    assert str(three / "damaged" / "metrics.json") in caplog.text


@pytest.mark.parametrize(
    ("name", "message"), [("none", "^runs: .*none is not a folder"), ("", "^runs: no finished run with a best model")]
)
def test_a_folder_without_runs_is_named(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        find_runs(tmp_path / name)


def test_a_run_says_what_its_record_says(tmp_path: Path) -> None:
    fake_run(tmp_path / "a", {"val/loss": 0.5})
    (run,) = find_runs(tmp_path)
    assert (run.best_epoch, run.model, run.data, run.data_key) == (3, "SimpleNet", "rows.npy", KEY)
    assert run.provenance == json.loads((tmp_path / "a" / "metrics.json").read_text())["provenance"]


@pytest.mark.parametrize("spec", [CLASSES, TARGETS], ids=["classification", "regression"])
def test_the_better_end_of_what_a_run_of_an_older_version_has_logged_is_the_one_that_training_knows(
    spec: DataSpec, tmp_path: Path
) -> None:
    known = tiny_module(tiny_data(spec)).directions
    # They had one value over all targets.
    directions = {name.removesuffix("_u"): better for name, better in known.items() if not name.endswith("_v")}
    fake_run(tmp_path / "a", dict.fromkeys(directions, 0.5))
    (run,) = find_runs(tmp_path)
    assert run.directions == {}
    assert {name: run.better(name) for name in directions} == directions


def test_a_run_says_itself_which_end_of_its_metrics_is_better(three: Path) -> None:
    fake_run(three / "d", {"val/loss": 0.7, "dice": 0.9}, directions={"val/loss": "max", "dice": "max"})
    fake_run(three / "e", {"val/loss": 0.8, "dice": 0.8}, directions={"val/loss": "max", "dice": "max"})
    assert [run.better("dice") for run in find_runs(three)] == [None, None, None, "max", "max"]
    assert order(three, "dice")[:2] == "de"
    with pytest.raises(UserError, match=r"^mode: min would take the worst dice for the best; add mode=max"):
        order(three, "dice", "min")
    assert order(three / "d", "val/loss", "max") == "d"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"provenance": None}, r"provenance: expected a mapping, found None"),
        ({"provenance": {"data": "x"}}, r"provenance or data_split is not what a run writes .*'data_fingerprint'"),
        ({"metrics": [1]}, r"metrics: expected a mapping, found \[1\]"),
        ({"metrics": {"val/loss": "x"}}, r"metrics: val/loss: expected a number, found 'x'"),
        ({"monitor": 3}, r"monitor: expected a string, or null, found 3"),
        ({"mode": None}, r"mode: expected min or max, found None"),
        ({"directions": [1]}, r"directions: expected min or max for each metric, found \[1\]"),
        ({"directions": {"val/loss": ["min"]}}, r"directions: expected min or max for each metric"),
        ({"directions": {"val/loss": "up"}}, r"directions: expected min or max for each metric, found \{'val/loss"),
        ({"mode": "up"}, r"mode: expected min or max, found 'up'"),
        ({"best_epoch": None}, r"best_epoch: expected a number, found None"),
        ({"data_split": [0.8]}, r"data_split: expected a mapping, or null, found \[0\.8\]"),
        ({"data_split": {"split": [None], "split_seed": 0}}, r"provenance or data_split is not what a run writes"),
        ({"data_split": {"split": [0.8, 0.1, 0.1], "split_seed": 0, "fold": 1}}, r"provenance or data_split is not"),
    ],
)
def test_a_run_with_a_faulty_record_is_left_out_with_the_reason(
    three: Path, content: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="trainhouse.reports")
    fake_run(three / "x", **{"metrics": {"val/loss": 0.0}, **content})
    assert order(three) == "bac"
    assert re.search(rf"left out: {re.escape(str(three))}/x/metrics\.json: {reason}", caplog.text)
    with pytest.raises(UserError, match=rf"^runs: .* \(1 left out, the first: .*{reason}"):
        find_runs(three / "x")


def test_a_run_whose_best_model_is_no_checkpoint_is_left_out(three: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="trainhouse.reports")
    (three / "b" / "checkpoints" / "best_model.ckpt").write_text("hello")
    assert order(three) == "ac"
    assert "b/checkpoints/best_model.ckpt: damaged or not a checkpoint (5 bytes)" in caplog.text
