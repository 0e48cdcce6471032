"""Finding and ranking runs, from folders written by hand."""

import json
import math
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.errors import UserError
from trainhouse.reports.finished_runs import find_runs
from trainhouse.reports.ranking import print_ranking, rank, rank_folder
from trainhouse.tests.tiny import CLASSES, TARGETS, fake_run, tiny_data, tiny_module

KEY = "01234567/0.8-0.1-0.1/0"


@pytest.fixture
def three(tmp_path: Path) -> Path:
    for name, loss, acc in (("a", 0.5, 0.7), ("b", 0.2, 0.6), ("c", 0.9, 0.8)):
        fake_run(tmp_path / name, {"val/loss": loss, "val/acc": acc})
    return tmp_path


def order(folder: Path, metric: str | None = None, mode: str | None = None) -> str:
    return "".join(run.folder.name for run in rank(find_runs(folder), metric, mode, None).runs)


@pytest.mark.parametrize(
    ("metric", "mode", "expected"),
    [(None, None, "bac"), ("val/loss", None, "bac"), ("val/loss", "min", "bac"), ("val/acc", "max", "cab")],
)
def test_the_best_run_comes_first(three: Path, metric: str | None, mode: str | None, expected: str) -> None:
    assert order(three, metric, mode) == expected


def test_a_ranking_says_what_it_went_by(three: Path) -> None:
    ranking = rank(find_runs(three), None, None, None)
    assert (ranking.metric, ranking.mode) == ("val/loss", "min")


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_a_run_without_a_finite_value_comes_last(three: Path, mode: str, value: float | None) -> None:
    fake_run(three / "A", {"val/score": value})
    fake_run(three / "B", {"val/score": 1.0})
    assert order(three, "val/score", mode)[0] == "B"


def test_a_run_that_lacks_the_metric_comes_last(three: Path) -> None:
    fake_run(three / "A", {"val/f1": 1.0})
    assert order(three)[-1] == "A"


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


def test_runs_on_other_rows_are_told_apart_and_one_can_be_chosen(three: Path) -> None:
    fake_run(three / "other", {"val/loss": 0.0}, fingerprint="f" * 16)
    runs = find_runs(three)
    with pytest.raises(UserError, match=r"^runs: these are on 2 different data sets or splits.*trained_on='ffffffff/"):
        rank(runs, None, None, None)
    assert [run.folder.name for run in rank(runs, None, None, KEY).runs] == ["b", "a", "c"]
    with pytest.raises(UserError, match="2 different data sets or splits"):
        rank(runs, None, None, "rows.npy")


def test_runs_on_another_file_can_be_chosen_by_its_name(three: Path) -> None:
    origin = json.loads((three / "a" / "metrics.json").read_text())["provenance"]
    fake_run(three / "other", {"val/loss": 0.0}, provenance={**origin, "data": "x/y.csv", "data_fingerprint": "f" * 16})
    runs = find_runs(three)
    with pytest.raises(UserError, match=r"trained_on='y\.csv'"):
        rank(runs, None, None, None)
    assert [run.folder.name for run in rank(runs, None, None, "y.csv").runs] == ["other"]
    assert [run.folder.name for run in rank(runs, None, None, "rows.npy").runs] == ["b", "a", "c"]


@pytest.mark.parametrize(
    "split", [{"split": [0.7, 0.2, 0.1], "split_seed": 0}, {"split": [0.8, 0.1, 0.1], "split_seed": 1}]
)
def test_another_split_of_the_same_rows_is_other_data(three: Path, split: dict[str, Any]) -> None:
    fake_run(three / "other", {"val/loss": 0.0}, data_split=split)
    with pytest.raises(UserError, match="2 different data sets or splits"):
        rank(find_runs(three), None, None, None)


def test_the_folds_of_one_cut_are_ranked_together_but_not_with_runs_without_folds(tmp_path: Path) -> None:
    def cut(fold: int | None, folds: int, val: float = 0.1) -> dict[str, Any]:
        return {"split": [0.8 - val, val, 0.2], "split_seed": 0, "fold": fold, "folds": folds}

    for name, split in (("a", cut(0, 5)), ("b", cut(1, 5, val=0.3)), ("ten", cut(1, 10)), ("none", cut(None, 5))):
        fake_run(tmp_path / name, {"val/loss": 0.5}, data_split=split)
    keys = {run.folder.name: run.data_key for run in find_runs(tmp_path)}
    assert keys == {
        "a": "01234567/0.8-0.2/5-fold/0",
        "b": "01234567/0.8-0.2/5-fold/0",
        "ten": "01234567/0.8-0.2/10-fold/0",
        "none": "01234567/0.7-0.1-0.2/0",
    }


def test_of_a_sweep_only_the_runs_of_the_best_configuration_are_ranked_unless_a_metric_is_named(
    three: Path, caplog: pytest.LogCaptureFixture
) -> None:
    best = {"overrides": ["optimizer.lr=0.01"], "metric": "val/loss", "mode": "min", "mean": 0.7, "runs": ["a", "c"]}
    (three / "best.yaml").write_text(json.dumps(best))
    caplog.set_level("INFO", logger="trainhouse.reports")
    assert [run.folder.name for run in rank_folder(three, None, None, None).runs] == ["a", "c"]
    assert "by its mean val/loss of 0.7000: optimizer.lr=0.01" in caplog.text
    assert "only its 2 runs are ranked" in caplog.text
    assert [run.folder.name for run in rank_folder(three, "val/loss", None, None).runs] == ["b", "a", "c"]
    shutil.rmtree(three / "a")
    assert [run.folder.name for run in rank_folder(three, None, None, None).runs] == ["c"]
    assert f"left out: {three / 'a'}" in caplog.text


@pytest.mark.parametrize(
    ("metric", "mode", "trained_on", "message"),
    [
        ("val/acuracy", None, None, r"^metric: no run has 'val/acuracy'; did you mean 'val/acc'.*val/acc, val/loss"),
        ("zzz", None, None, r"^metric: no run has 'zzz' \(there are: val/acc, val/loss\)"),
        ("val/acc", None, None, r"^mode: is a small or a large val/acc better\? Add mode=min or mode=max"),
        ("val/loss", "max", None, r"^mode: max would take the worst val/loss for the best; add mode=min"),
        ("val/acc", "min", None, r"^mode: min would take the worst val/acc for the best; add mode=max"),
        (None, None, KEY[:-1] + "1", rf"^trained_on: no run on '.*'; did you mean '{KEY}'"),
    ],
)
def test_a_question_that_has_no_answer_is_refused_with_the_options(
    three: Path, metric: str | None, mode: str | None, trained_on: str | None, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        rank(find_runs(three), metric, mode, trained_on)


def test_runs_that_monitor_different_values_need_a_choice(three: Path) -> None:
    fake_run(three / "d", {"val/loss": 0.3, "val/acc": 0.9}, monitor="val/acc", mode="max")
    with pytest.raises(
        UserError, match=r"^metric: the runs monitor val/acc, val/loss; choose with metric=... mode=..."
    ):
        order(three)
    assert order(three, "val/acc") == "dcab"


@pytest.mark.parametrize(
    ("name", "message"), [("none", "^runs: .*none is not a folder"), ("", "^runs: no finished run with a best model")]
)
def test_a_folder_without_runs_is_named(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        find_runs(tmp_path / name)


def test_a_ranking_is_shown_with_places_and_values(three: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="trainhouse.reports")
    print_ranking(rank(find_runs(three), None, None, None))
    assert "by val/loss (smaller is better)" in caplog.text
    lines = [line for line in caplog.text.splitlines() if "rows.npy" in line]
    assert [line.split()[:3] for line in lines] == [
        ["1", str(three / "b"), "0.2000"],
        ["2", str(three / "a"), "0.5000"],
        ["3", str(three / "c"), "0.9000"],
    ]
    assert "2026-01-02 03:04" in lines[0]


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


def test_runs_that_monitor_nothing_are_ranked_by_a_metric_that_is_named(tmp_path: Path) -> None:
    for name, value in (("a", 0.3), ("b", 0.1)):
        fake_run(tmp_path / name, {"train/distance": value}, monitor=None, mode=None, data_split=None)
    with pytest.raises(
        UserError, match=r"^metric: the runs monitor nothing; choose with metric=... mode=... \(there are: train/dist"
    ):
        order(tmp_path)
    with pytest.raises(UserError, match=r"^mode: is a small or a large train/distance better\?"):
        order(tmp_path, "train/distance")
    assert order(tmp_path, "train/distance", "min") == "ba"
    fake_run(tmp_path / "c", {"train/distance": 0.2, "val/loss": 0.1}, data_split=None)
    with pytest.raises(UserError, match=r"^metric: the runs monitor nothing, val/loss; choose with metric="):
        order(tmp_path)


def test_data_that_splits_itself_is_named_by_its_fingerprint_alone(three: Path) -> None:
    fake_run(three / "own", {"val/loss": 0.0}, data_split=None)
    (run,) = find_runs(three / "own")
    assert run.data_key == "0123456789abcdef"
    with pytest.raises(UserError, match=r"^runs: these are on 2 different data sets or splits"):
        order(three)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"provenance": None}, r"provenance: expected a mapping, found None"),
        ({"provenance": {"data": "x"}}, r"provenance or data_split is not what a run writes .*'data_fingerprint'"),
        ({"metrics": [1]}, r"metrics: expected a mapping, found \[1\]"),
        ({"metrics": {"val/loss": "x"}}, r"metrics: val/loss: expected a number, found 'x'"),
        ({"monitor": 3}, r"monitor: expected a string, found 3"),
        ({"mode": None}, r"mode: expected min or max, found None"),
        ({"directions": [1]}, r"directions: expected min or max for each metric, found \[1\]"),
        ({"directions": {"val/loss": ["min"]}}, r"directions: expected min or max for each metric"),
        ({"directions": {"val/loss": "up"}}, r"directions: expected min or max for each metric, found \{'val/loss"),
        ({"mode": "up"}, r"mode: expected min or max, found 'up'"),
        ({"best_epoch": None}, r"best_epoch: expected a number, found None"),
        ({"data_split": [0.8]}, r"data_split: expected a mapping, found \[0\.8\]"),
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
