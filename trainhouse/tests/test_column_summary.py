"""A run's folder says what each column is; a column that predicts too well alone, or nothing, is named at the start."""

import csv

import numpy as np
import pytest

from trainhouse.arrays.column_summary import as_csv, column_summary, summary_lines
from trainhouse.arrays.datamodule import DataModule
from trainhouse.tables.read_table import read_table
from trainhouse.training.data_card import card_of


@pytest.fixture
def data(tmp_path):
    random = np.random.RandomState(0)
    y = random.randint(0, 2, 400)
    lines = [
        f"2024-01-{1 + row % 28:02},{'yes' if label else 'no'},{random.rand() + label:.3f},5,{'rgb'[row % 3]},{label}\n"
        for row, label in enumerate(y)
    ]
    (tmp_path / "t.csv").write_text("day,bought,a,same,colour,y\n" + "".join(lines))

    def of(**arguments):
        table = read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "processed"), **arguments)
        return DataModule(table, 8, 0, [0.8, 0.1, 0.1], 0, seed=0)

    return of


def test_each_column_is_summed_up(data):
    made = data()
    rows = {one.column: one for one in column_summary(made)}
    assert [one.kind for one in rows.values()] == ["date", "category", "number", "number", "category"]
    assert (rows["day"].least, rows["day"].most) == ("2024-01-01", "2024-01-28")
    assert rows["day"].becomes == "elapsed, weekday"
    assert rows["colour"].most_frequent.count(";") == 2
    assert rows["same"].note == "constant"
    assert rows["bought"].alone == 1
    assert 0.9 < rows["a"].alone <= 1
    assert rows["colour"].alone < 0.6
    assert len(list(csv.DictReader(as_csv([*rows.values()]).splitlines()))) == 5


def test_a_leak_and_a_constant_column_are_named(data):
    made = data()
    constant, leak = summary_lines(column_summary(made), made)
    assert constant == "the same in all training rows, so nothing to learn from: same"
    assert leak.startswith("column bought alone predicts y (AUC 1.000)")
    assert {constant, leak} <= {*card_of(made, 0).notes}
    amounts = data(task="regression", drop=["bought", "same", "a"])
    assert summary_lines(column_summary(amounts), amounts) == []


def test_a_category_of_each_row_is_no_leak(tmp_path):
    random = np.random.RandomState(0)
    lines = "".join(f"c{row // 2},{random.rand():.3f},{random.randint(2)}\n" for row in range(200))
    (tmp_path / "t.csv").write_text("code,a,y\n" + lines)
    columns = {"code": "category"}
    table = read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "processed"), columns=columns)
    code = column_summary(DataModule(table, 8, 0, [1, 0, 0], 0, seed=0))[0]
    assert code.alone < 0.7
