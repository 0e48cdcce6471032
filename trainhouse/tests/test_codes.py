"""Codes with zeros in front, as 007: classes keep them; a column of features with such is named."""

import numpy as np
import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.tables.raw_rows import read_raw_rows
from trainhouse.tables.read_table import read_table

CODES = ["007", "012", "013"]


@pytest.fixture
def read(tmp_path):
    def from_cells(labels, name="t.csv", zips=("1", "2"), **more):
        rows = [f"{row * 37 % 101 / 10},{zips[row % len(zips)]},{label}" for row, label in enumerate(labels)]
        (tmp_path / name).write_text("\n".join(["a,zip,label", *rows]) + "\n")
        return read_table(str(tmp_path / name), "label", str(tmp_path / "processed"), **more)

    return from_cells


@pytest.mark.parametrize("task", [None, "classification"])
def test_classes_keep_their_zeros_and_are_found_again(read, tmp_path, task):
    data = read(CODES * 20, task=task)
    assert data.spec.classes == ("007", "012", "013")
    assert read(CODES[::-1] * 20, "later.csv", like=data.spec).rows.y.tolist() == [2, 1, 0] * 20
    assert sum(len(rows) for rows in read_raw_rows(tmp_path / "later.csv", data.spec, 16)[1]) == 60
    with pytest.raises(UserError, match=r"the label in row 0 is 7, which is not one of the 3 classes \(007 ... 013\)"):
        read(["7", "12", "13"] * 20, "without.csv", like=data.spec)


def test_007_and_7_are_two_classes_wherever_the_first_zero_stands(read):
    few = read(["7", "12"] * 60 + ["007"] * 30)
    many = read(["7", "12"] * 100_000 + ["007"] * 1000, "many.csv")  # behind the first megabyte
    assert few.spec.classes == many.spec.classes == ("007", "12", "7")
    assert np.bincount(many.rows.y).tolist() == [1000, 100_000, 100_000]


def test_amounts_may_have_zeros_in_front(read):
    amounts = [f"{row:05}" for row in range(100)]
    assert read(amounts, task="regression").rows.y[:, 0].tolist() == list(range(100))
    with pytest.raises(UserError, match=r"100 different labels in 100 rows are no classes; set data\.task=regression"):
        read(amounts)


def test_labels_without_zeros_are_numbers_as_before(read):
    assert read(["0", "10", "20"] * 20).spec.classes == ("0", "10", "20")
    assert read(["0", "10", "20"] * 20, "later.csv", like=read(["0", "10", "20"] * 20).spec).rows.y[1] == 1


def test_a_column_of_features_with_zeros_in_front_is_named(read, caplog):
    data = read(["no", "yes"] * 30, zips=("01234", "99999"))
    assert not data.spec.categories
    (line,) = caplog.messages
    assert "column zip: '01234' has zeros in front, but is read as a number; if these are codes, set" in line
    assert "'data.columns={zip: category}'" in line
    caplog.clear()
    assert read(["no", "yes"] * 30, zips=("01234", "99999"), columns={"zip": "category"}).spec.categories == {
        "zip": ("01234", "99999")
    }
    read(["no", "yes"] * 30, zips=("01234", "99999"), columns={"zip": "number"})
    assert not caplog.messages
