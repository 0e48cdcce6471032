"""Ranking runs, from folders written by hand."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.reports.finished_runs import find_runs
from trainhouse.reports.ranking import rank, rank_folder
from trainhouse.tests.ranked import KEY, order, three_runs
from trainhouse.tests.tiny import fake_run


@pytest.fixture
def three(tmp_path: Path) -> Path:
    return three_runs(tmp_path)


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


def test_a_run_that_lacks_the_metric_is_left_out(three: Path) -> None:
    before = order(three)
    fake_run(three / "A", {"val/f1": 1.0})
    assert order(three) == before


def test_runs_on_other_rows_are_kept_apart_and_one_can_be_chosen(three: Path) -> None:
    fake_run(three / "other", {"val/loss": 0.0}, fingerprint="f" * 16)
    runs = find_runs(three)
    with pytest.raises(UserError, match=r"^runs: these are on 2 different data sets or splits.*trained_on='ffffffff/"):
        rank(runs, None, None, None)
    assert [run.folder.name for run in rank(runs, None, None, KEY).runs] == ["b", "a", "c"]
    with pytest.raises(UserError, match="2 different data sets or splits"):
        rank(runs, None, None, "rows.npy")


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ("{file: b.csv, batch_size: 8, drop: [z]}", r"they differ in data\.file, data\.drop\)$"),
        ("{file: a.csv, batch_size: 8, drop: []}", "their keys of data are the same, the files are not"),
    ],
)
def test_only_keys_that_decide_on_the_rows_are_said_to_make_data_differ(tmp_path: Path, other: str, says: str) -> None:
    for name, data in (("a", "{file: a.csv, batch_size: 4, drop: []}"), ("b", other)):
        fake_run(tmp_path / name, {"val/loss": 1.0}, fingerprint=name * 16)
        (tmp_path / name / "config.yaml").write_text(f"data: {data}\n")
    with pytest.raises(UserError, match=says):
        rank(find_runs(tmp_path), None, None, None)


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
