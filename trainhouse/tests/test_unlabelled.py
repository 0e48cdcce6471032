"""Rows without a label: refused with the key that leaves them out; then in no split, each other row in its place."""

from pathlib import Path

import numpy as np
import pytest

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.npy import read_npy
from trainhouse.arrays.overview import data_lines
from trainhouse.arrays.spec import Dataset
from trainhouse.configuration.errors import UserError
from trainhouse.tables.read_table import read_table

ROWS = 60
GONE = (3, 17, 18)
COLUMNS = {
    "text": ["no" if row % 3 else "yes" for row in range(ROWS)],
    "whole": [row % 2 for row in range(ROWS)],
    "number": [row / 7 for row in range(ROWS)],
}


def served(dataset: Dataset) -> DataModule:
    return DataModule(dataset, 8, 0, [0.5, 0.25, 0.25], split_seed=0, seed=0)


def check(data: DataModule, kind: str) -> None:
    used = np.concatenate([data.row_numbers_of(split) for split in ("train", "val", "test")])
    assert sorted(used) == [row for row in range(ROWS) if row not in GONE]
    assert list(data.row_numbers_of("all")) == sorted(used)
    assert "3 more have no label and are left out" in data_lines(data)[1]
    rows, _ = data.parts["train"]
    for row in used:  # of its own file's row, not of another one
        said = data.spec.classes[rows.y[row]] if data.spec.classes else rows.y[row, 0]
        expected = COLUMNS[kind][row]
        assert said == (str(expected) if data.spec.classes else pytest.approx(expected))


@pytest.mark.parametrize("kind", COLUMNS)
def test_rows_of_a_table(kind: str, tmp_path: Path) -> None:
    values = ["" if row in GONE else value for row, value in enumerate(COLUMNS[kind])]
    lines = [f"{row * row % 31 / 10},{value}" for row, value in enumerate(values)]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["x,label", *lines]) + "\n")
    with pytest.raises(UserError, match=r"3 rows have no label in column label.*data\.unlabelled=drop"):
        read_table(str(table), "label", str(tmp_path / "kept"))
    check(served(read_table(str(table), "label", str(tmp_path / "kept"), unlabelled="drop")), kind)


@pytest.mark.parametrize("kind", ["whole", "number"])
def test_rows_of_arrays(kind: str, tmp_path: Path) -> None:
    labels = np.array(COLUMNS[kind], dtype=np.float64)
    labels[list(GONE)] = np.nan
    for name, array in {"x": np.arange(ROWS, dtype=np.float32)[::-1].reshape(-1, 1) ** 2, "y": labels}.items():
        np.save(tmp_path / f"{name}.npy", array)
    files = str(tmp_path / "x.npy"), str(tmp_path / "y.npy")
    with pytest.raises(UserError, match=r"3 rows have no label; the first is row 3; data\.unlabelled=drop"):
        read_npy(*files)
    check(served(read_npy(*files, unlabelled="drop")), kind)


def test_rows_that_are_left_out_need_no_group_time_or_weight(tmp_path: Path) -> None:
    def row(number: int) -> str:
        gone = number in GONE
        return f"{number},{'' if gone else number % 2},{'' if gone else number // 2},{'' if gone else 1 + number % 3}"

    table = tmp_path / "table.csv"
    table.write_text("\n".join(["x,label,a,b", *map(row, range(ROWS))]) + "\n")
    for keys in ({"group_column": "a", "weight_column": "b"}, {"time_column": "a", "weight_column": "b"}):
        read = {"keep_index": True, "drop": [], "unlabelled": "drop", **keys}
        data = served(read_table(str(table), "label", str(tmp_path / "kept"), **read))  # type: ignore[arg-type]
        used = np.concatenate([data.row_numbers_of(split) for split in ("train", "val", "test")])
        assert sorted(used) == [row for row in range(ROWS) if row not in GONE]
    text = table.read_text()
    table.write_text(text.replace("5,1,2,3", "5,1,2,"))
    with pytest.raises(UserError, match=r"data\.weight_column: .*: row 5 has none"):
        read_table(str(table), "label", str(tmp_path / "kept"), **read)  # type: ignore[arg-type]

    amounts = np.arange(ROWS, dtype=np.float64)
    for name, array in {
        "x": amounts[:, None] ** 2,
        "y": amounts % 2,
        "groups": amounts // 2,
        "weights": amounts,
    }.items():
        np.save(tmp_path / f"{name}.npy", np.where(np.isin(amounts, GONE), np.nan, array.T).T if name != "x" else array)
    x, y, groups, weights = (str(tmp_path / f"{name}.npy") for name in ("x", "y", "groups", "weights"))
    data = served(read_npy(x, y, unlabelled="drop", groups=groups, weights=weights))
    assert len(data.row_numbers_of("all")) == ROWS - len(GONE)
    with pytest.raises(UserError, match=r"data\.groups: .*: row 3 has none"):
        read_npy(x, x, groups=groups)


def test_messages_number_rows_as_their_file_does(tmp_path: Path) -> None:
    labels = ["" if row in GONE else "yes" if row % 3 else "no" for row in range(ROWS)]
    labels[40] = "yess"
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["x,label", *(f"{row / 7},{label}" for row, label in enumerate(labels))]) + "\n")
    with pytest.raises(UserError, match=r"'yess' is the label of row 40 alone of 57"):
        read_table(str(table), "label", str(tmp_path / "kept"), unlabelled="drop")
    amounts = np.where(np.isin(np.arange(ROWS), GONE), np.nan, np.arange(ROWS) % 2)
    amounts[40] = 0.5
    np.save(tmp_path / "x.npy", np.arange(ROWS, dtype=np.float32)[:, None] ** 2)
    np.save(tmp_path / "y.npy", amounts)
    files = str(tmp_path / "x.npy"), str(tmp_path / "y.npy")
    for task, line in ((None, "row 40 is 0.5: mistyped"), ("classification", "in row 40 is 0.5, which is not a whole")):
        with pytest.raises(UserError, match=line):
            read_npy(*files, unlabelled="drop", task=task)


def test_a_value_that_the_key_does_not_take_and_labels_that_are_all_missing_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("x,label\n" + "1,\n2,\n")
    with pytest.raises(UserError, match=r"data\.unlabelled: expected error or drop, got 'keep'"):
        read_table(str(table), "label", str(tmp_path / "kept"), unlabelled="keep")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="no row has a label in label"):
        read_table(str(table), "label", str(tmp_path / "kept"), unlabelled="drop")
