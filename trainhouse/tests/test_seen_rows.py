"""Rows that a model has seen are known again: in another split, and in a file that has grown."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainhouse.arrays.seen import SeenRows, row_names
from trainhouse.arrays.split import split_rows
from trainhouse.checkpoints.checkpoint import load_checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.predicting.evaluate_checkpoint import evaluate_checkpoint, report_evaluation
from trainhouse.tests.common import composed
from trainhouse.training.train import train

ROWS, NEW = 60, 30


def config_of(folder: Path, name: str, *more: str) -> dict[str, Any]:
    data = ["data=npy", f"data.features={folder / f'{name}_x.npy'}", f"data.labels={folder / f'{name}_y.npy'}"]
    rest = ["trainer=cpu", "trainer.max_epochs=1", "model.hidden_sizes=[8]", "callbacks.progress_bar=null"]
    return composed(*data, *rest, "data.batch_size=16", *more)


@pytest.fixture(scope="module")
def grown(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A run on 60 rows, and files that hold them with others: 30 new ones in between, or none; or that repeat."""

    def make(folder: Path) -> None:
        random = np.random.RandomState(0)
        x, y = random.standard_normal((ROWS + NEW, 5)).astype(np.float32), random.randint(0, 2, ROWS + NEW)
        order = random.permutation(ROWS + NEW)
        for name, numbers in (("old", np.arange(ROWS)), ("grown", order), ("new", np.arange(ROWS, ROWS + NEW))):
            np.save(folder / f"{name}_x.npy", x[numbers])
            np.save(folder / f"{name}_y.npy", y[numbers])
        train(config_of(folder, "old"), folder / "run")

    return made_once("grown", make)


def evaluated(grown: Path, name: str, folder: Path, *more: str) -> tuple[dict[str, Any], list[dict[str, str]]]:
    checkpoint = load_checkpoint(grown / "run")
    data = [f"+data.features={grown / f'{name}_x.npy'}", f"+data.labels={grown / f'{name}_y.npy'}"]
    asked = [f"ckpt_path={checkpoint.path}", "trainer.accelerator=cpu", *data, *more]
    config = composed(*asked, config_name="eval")
    evaluation, split = evaluate_checkpoint([checkpoint], config, folder)
    report_evaluation(evaluation, [checkpoint], split, folder)
    with open(folder / "predictions.csv", newline="") as lines:
        return json.loads((folder / "metrics.json").read_text()), list(csv.DictReader(lines))


def test_only_rows_that_it_has_not_seen_of_a_grown_file_are_measured(
    grown: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="trainhouse.predicting")
    report, rows = evaluated(grown, "grown", tmp_path)
    x, y = (np.load(grown / f"grown_{part}.npy") for part in "xy")
    old = np.load(grown / "old_x.npy")
    test = {int(row["row"]) for row in evaluated(grown, "old", tmp_path / "own")[1]}
    trained_on = [number for number in range(ROWS) if number not in test]
    is_new = ~(x[:, None] == old[trained_on][None]).all(axis=2).any(axis=1)
    assert [int(row["row"]) for row in rows] == np.flatnonzero(is_new).tolist()
    right = [row["prediction"] == str(y[int(row["row"])]) for row in rows]
    assert report["rows"] == is_new.sum() == NEW + len(test)
    assert report["rows_left_out"] == len(trained_on)
    assert report["metrics"]["all/acc"] == pytest.approx(np.mean(right))
    assert f"{len(trained_on)} of them left out: the model was trained or validated on them" in caplog.text


def test_all_rows_are_measured_if_the_user_says_so(
    grown: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    report, rows = evaluated(grown, "grown", tmp_path, "split=all")
    assert report["rows"] == len(rows) == ROWS + NEW
    assert "warning: 54 of these rows are identical to rows that it was trained or validated on" in caplog.text


def test_nothing_is_said_of_rows_that_are_new(grown: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="trainhouse.predicting")
    report, rows = evaluated(grown, "new", tmp_path)
    assert report["rows"] == len(rows) == NEW
    assert "validated on" not in caplog.text


def test_a_file_of_rows_that_were_all_seen_is_measured_with_a_warning(
    grown: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    test = {int(row["row"]) for row in evaluated(grown, "old", tmp_path / "own")[1]}
    kept = [number for number in range(ROWS) if number not in test]
    for part in "xy":
        np.save(tmp_path / f"part_{part}.npy", np.load(grown / f"old_{part}.npy")[kept])
    checkpoint = load_checkpoint(grown / "run")
    data = [f"+data.features={tmp_path / 'part_x.npy'}", f"+data.labels={tmp_path / 'part_y.npy'}"]
    config = composed(f"ckpt_path={checkpoint.path}", "trainer.accelerator=cpu", *data, config_name="eval")
    evaluation, _ = evaluate_checkpoint([checkpoint], config, tmp_path)
    assert len(evaluation.targets) == len(kept) == 54
    assert "warning: 54 of these rows are identical to rows that it was trained or validated on" in caplog.text


def test_if_only_some_rows_are_named_a_grown_file_is_refused(grown: Path, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(grown / "run")
    assert checkpoint.seen is not None
    object.__setattr__(checkpoint, "seen", SeenRows(checkpoint.seen.names[::3], checkpoint.seen.total))
    data = [f"+data.features={grown / 'grown_x.npy'}", f"+data.labels={grown / 'grown_y.npy'}"]
    config = composed(f"ckpt_path={checkpoint.path}", "trainer.accelerator=cpu", *data, config_name="eval")
    with pytest.raises(UserError, match=r"^split: the model was trained or validated on about 60% of the rows"):
        evaluate_checkpoint([checkpoint], config, tmp_path)


@pytest.mark.parametrize("split", ["auto", "train", "val"])
def test_the_row_of_a_prediction_is_that_of_the_file(split: str, grown: Path, tmp_path: Path) -> None:
    _, rows = evaluated(grown, "old", tmp_path, f"split={split}")
    labels = np.load(grown / "old_y.npy")
    numbers = [int(row["row"]) for row in rows]
    assert [row["target"] for row in rows] == labels[numbers].astype(str).tolist()
    assert numbers == sorted(set(numbers))
    assert numbers != list(range(len(numbers))), "a split is not the beginning of its file"


def test_rows_that_repeat_by_themselves_are_measured_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of two columns with three values each a new row looks like an old one."""
    caplog.set_level("INFO")
    random = np.random.RandomState(0)
    for name, count in (("old", 60), ("new", 30)):
        np.save(tmp_path / f"{name}_x.npy", random.randint(0, 3, (count, 2)).astype(np.float32))
        np.save(tmp_path / f"{name}_y.npy", random.randint(0, 2, count))
    train(config_of(tmp_path, "old"), tmp_path / "run")
    assert "6 of 6 test rows are identical to train rows (rows " in caplog.text
    report, _ = evaluated(tmp_path, "new", tmp_path / "eval")
    assert report["rows"] == 30
    assert "30 of these rows are identical" in caplog.text
    assert "rows of its data repeat, so they may be new all the same" in caplog.text


def test_rows_in_two_splits_are_named_when_a_run_begins(
    grown: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    test = {int(row["row"]) for row in evaluated(grown, "old", tmp_path / "own")[1]}
    validated = {int(row["row"]) for row in evaluated(grown, "old", tmp_path / "val", "split=val")[1]}
    trained_on = [number for number in range(ROWS) if number not in test | validated]
    x = np.load(grown / "old_x.npy")
    copied = sorted(test)[:2]
    x[copied] = x[trained_on[3]]
    np.save(tmp_path / "twins_x.npy", x)
    np.save(tmp_path / "twins_y.npy", np.load(grown / "old_y.npy"))
    train(config_of(tmp_path, "twins"), tmp_path / "run")
    assert f"note    2 of 6 test rows are identical to train rows (rows {copied[0]} and {trained_on[3]}," in caplog.text
    assert "val rows are identical" not in caplog.text
    caplog.clear()
    report, _ = evaluated(tmp_path, "twins", tmp_path / "eval")
    assert (report["split"], report["rows"]) == ("test", 6)
    assert "warning: 2 of these rows are identical to rows that it was trained or validated on" in caplog.text


def test_a_run_from_given_weights_has_seen_their_rows_too(
    grown: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    first = load_checkpoint(grown / "run").seen
    old = np.load(grown / "old_x.npy")
    names = row_names(old, np.arange(ROWS))
    assert first is not None
    (tmp_path / "run").mkdir()
    options = [f"init_from={grown / 'run'}", "data.split_seed=1", "trainer.max_epochs=2"]
    config = config_of(grown, "old", *options, "callbacks.last_checkpoint.every_n_train_steps=1")
    train(config, tmp_path / "run")
    splits = split_rows(np.load(grown / "old_y.npy"), config.data.split, 1)
    leaked = int(first.known(names[splits["test"]]).sum())
    assert leaked > 0
    assert (
        f"note    {leaked} of 6 test rows are identical to rows that the weights of init_from have seen" in caplog.text
    )
    second = load_checkpoint(tmp_path / "run").seen
    own = np.concatenate([splits["train"], splits["val"]])
    expected = set(first.names.tolist()) | set(names[own].tolist())
    assert second is not None
    assert (set(second.names.tolist()), second.total, second.is_complete) == (expected, len(expected), True)
    train(config, tmp_path / "run", resume_from=tmp_path / "run" / "checkpoints" / "last.ckpt")
    third = load_checkpoint(tmp_path / "run").seen
    assert third is not None
    np.testing.assert_array_equal(third.names, second.names)
    assert third.total == second.total
