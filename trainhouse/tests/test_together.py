"""Keys of tables that are used together: rows without labels, splits, groups, times, weights, ids, several labels."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from src.evaluation.multilabel import Labels
from src.training.losses import Auto
from trainhouse.arrays.column_summary import as_csv, column_summary
from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.overview import data_lines
from trainhouse.configuration.errors import UserError
from trainhouse.tables.read_table import read_table
from trainhouse.training.row_weights import check_row_weights
from trainhouse.training.split_file import write_splits

ROWS = 60
CELLS = {
    "a": [row * 37 % 101 / 10 for row in range(ROWS)],
    "day": [f"{row % 28 + 1:02}.{row % 12 + 1:02}.2024" for row in range(ROWS)],
    "team": [f"0{row % 9}" for row in range(ROWS)],
    "w": [row % 3 + 0.5 for row in range(ROWS)],
    "label": ["" if row % 10 == 3 else "yes" if row % 2 else "no" for row in range(ROWS)],
}


@pytest.fixture
def read(tmp_path):
    def from_cells(name="t.csv", **keys):
        lines = [",".join(map(str, row)) for row in zip(*CELLS.values(), strict=True)]
        for file in ("t.csv", "own.csv"):
            (tmp_path / file).write_text("\n".join([",".join(CELLS), *lines]) + "\n")
        return read_table(str(tmp_path / name), "label", str(tmp_path / "processed"), **keys)

    return from_cells


def served(dataset, split_seed=0):
    return DataModule(dataset, 8, 0, [0.5, 0.25, 0.25], split_seed=split_seed, seed=0)


def splits_of(folder):
    with open(folder / "splits.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_rows_without_a_label_stand_in_the_file_of_splits_without_a_split(read, tmp_path):
    keys = {"group_column": "team", "id_columns": ["team"], "weight_column": "w", "drop": ["day"], "unlabelled": "drop"}
    data = served(read(**keys))
    write_splits(tmp_path, data)
    rows = splits_of(tmp_path)
    assert [row["team"] for row in rows] == CELLS["team"]
    for row, label in zip(rows, CELLS["label"], strict=True):
        assert bool(row["split"]) == bool(label)
    for team in {*CELLS["team"]}:
        assert len({row["split"] for row in rows if row["team"] == team and row["split"]}) == 1


def test_a_split_with_a_file_of_its_own_has_its_own_rows_there(read, tmp_path):
    keys = {"id_columns": ["team"], "drop": ["day", "w"], "unlabelled": "drop"}
    data = served(read(**keys, test_file=str(tmp_path / "own.csv")))
    assert "in none" not in data_lines(data)[0]
    write_splits(tmp_path, data)
    by_file = {name: [row["split"] for row in splits_of(tmp_path) if row["file"] == name] for name in ("data.file",)}
    own = [row["split"] for row in splits_of(tmp_path) if row["file"] == "data.test_file"]
    assert own == ["test" if label else "" for label in CELLS["label"]]
    assert {*by_file["data.file"]} == {"train", "val", ""}


def test_dates_of_a_time_column_may_be_said(read, caplog):
    drop = ["team", "w"]
    with pytest.raises(UserError, match=r"'data\.columns=\{day: \{date: \"%d\.%m\.%Y\"\}\}'"):
        read(time_column="day", drop=drop, unlabelled="drop")
    said = {"day": {"date": "%d.%m.%Y"}}
    data = served(read(time_column="day", drop=drop, unlabelled="drop", columns=said), split_seed=3)
    times = np.array([int(cell[6:] + cell[3:5] + cell[:2]) for cell in CELLS["day"]])
    train, val, test = (times[data.row_numbers_of(split)] for split in ("train", "val", "test"))
    assert train.max() < val.min()
    assert val.max() < test.min()
    assert "data.split_seed: has no effect, as data.time_column alone says which rows are in which split" in caplog.text


def test_a_seed_says_nothing_where_it_is_the_usual_one_or_decides(read, caplog):
    served(read(time_column="day", drop=["team", "w"], unlabelled="drop", columns={"day": {"date": "%d.%m.%Y"}}))
    served(read(group_column="team", drop=["day", "w"], unlabelled="drop"), split_seed=3)
    assert "split_seed" not in caplog.text


@pytest.mark.parametrize(("key", "kind"), [("id_columns", "category"), ("weight_column", "date")])
def test_a_column_that_is_no_feature_is_not_said_to_be_one(read, key, kind):
    given = ["team"] if key == "id_columns" else "w"
    name = "team" if key == "id_columns" else "w"
    with pytest.raises(UserError, match=rf"data\.columns: column '{name}' is no feature, but data\.{key}; leave"):
        read(**{key: given}, columns={name: kind})


def test_doubtful_dates_and_texts_of_several_columns_are_named_together(tmp_path):
    lines = [f"{row % 12 + 1:02}/0{row % 9 + 1}/2024,0{row % 9 + 1}-02-2024,text {row},{row % 2}" for row in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["one,two,note,y", *lines]) + "\n")
    with pytest.raises(UserError) as caught:
        read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "processed"))
    first, *rest = str(caught.value).splitlines()
    assert first.endswith("t.csv: 3 problems:")
    assert [line.split()[1] for line in rest] == ["one:", "two:", "note"]


def test_several_labels_take_weights():
    logits, targets = torch.tensor([[2.0, -1.0], [0.5, 0.5], [1.0, 1.0]]), torch.tensor([[1.0, 0], [0, 0], [1, 1]])
    weights = torch.tensor([1.0, 0.0, 2.0])
    each = -(targets * logits.sigmoid().log() + (1 - targets) * (-logits).sigmoid().log())
    assert torch.allclose(Auto("multilabel", 2)(logits, targets, weights), (each.mean(dim=1) * weights).mean())
    metric = Labels(("x", "y"))
    for row in range(3):
        metric.update(logits[row : row + 1], targets[row : row + 1], weights[row : row + 1])
    assert float(metric.compute()["exact"]) == 1.0  # the wrong row weighs nothing
    metric.reset()
    metric.update(logits, targets)
    assert float(metric.compute()["exact"]) == pytest.approx(2 / 3)


def test_which_of_their_measures_count_rows_once_is_said(read, caplog):
    data = served(read(weight_column="w", drop=["day", "team"], unlabelled="drop"))
    splits = {f"{split}_split": {f"{split}/labels": Labels(("x", "y"))} for split in ("val", "test")}
    with caplog.at_level("INFO"):
        check_row_weights(SimpleNamespace(loss=Auto("multilabel", 2), metrics=splits), data)
    assert "data.weight_column counts in the loss; f1, auroc count each row once" in caplog.text


def test_the_summary_names_columns_that_are_left_out_and_why(read):
    keys = {"group_column": "team", "id_columns": ["day"], "drop": ["w"], "unlabelled": "drop"}
    for _ in range(2):  # the second time from what was converted
        summary = column_summary(served(read(**keys)))
        assert [(one.column, one.kind, one.note) for one in summary] == [
            ("a", "number", ""),
            ("day", "left out", "data.id_columns"),
            ("team", "left out", "data.group_column"),
            ("w", "left out", "data.drop"),
        ]
    assert as_csv(summary).splitlines()[-1] == "w,left out,,,,,,,,,data.drop"
