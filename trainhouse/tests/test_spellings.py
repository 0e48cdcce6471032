"""One category that is spelt in two ways: named in training; the one that is known in later rows, with a warning."""

import logging

import numpy as np
import pytest

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.labels import encode_classes
from trainhouse.arrays.spec import DataSpec
from trainhouse.arrays.split import split_rows
from trainhouse.configuration.errors import UserError
from trainhouse.tables.raw_rows import read_raw_rows
from trainhouse.tables.read_table import read_table

CITIES = DataSpec("regression", (1,), "float32", 1, columns=("city",), categories={"city": ("Lyon", "Oslo")})
SPELT = ["Oslo", "Lyon", "Lyon", "OSLO", *["Lyon", "Oslo"] * 28]


@pytest.fixture
def read(tmp_path):
    def from_cells(cells, like=None, name="t.csv"):
        lines = "".join(f"{row % 7}.5,{cells[row % len(cells)]},{row}.5\n" for row in range(60))
        (tmp_path / name).write_text("a,city,y\n" + lines)
        return read_table(str(tmp_path / name), "y", str(tmp_path / "processed"), like=like)

    return from_cells


def test_spellings_of_one_category_are_named_and_stay_apart(read, tmp_path, caplog):
    for _ in range(2):  # the second time from what was converted
        caplog.clear()
        data = read(["Oslo", "Lyon", "OSLO", "Lyon ", "Rome"])
        assert data.spec.categories == {"city": ("Lyon", "Lyon ", "OSLO", "Oslo", "Rome")}
        assert caplog.messages == [
            f"warning: {tmp_path}/t.csv: column city: 'Lyon' and 'Lyon ', 'OSLO' and 'Oslo' differ in case or spaces "
            "only, but are categories of their own; write them in one way if they mean the same"
        ]


def test_many_spellings_take_one_line(read, caplog):
    read([word for letter in "abcde" for word in (letter * 3, letter.upper() * 3)])
    (line,) = caplog.messages
    assert "'AAA' and 'aaa', 'BBB' and 'bbb', 'CCC' and 'ccc' and 2 more differ in case" in line


def test_categories_of_one_spelling_each_say_nothing(read, caplog):
    read(["Oslo", "Lyon", "L y o n"])
    assert not caplog.messages


def test_later_rows_in_another_case_are_taken_for_what_is_known(tmp_path, caplog):
    (tmp_path / "x.csv").write_text("n,city\n1,oslo\n1,Oslo\n1, LYON \n1,Rome\n")
    rows = np.concatenate(list(read_raw_rows(tmp_path / "x.csv", CITIES, 64)[1]))
    assert rows[:, 0].tolist() == [1, 1, 0, -1]
    assert caplog.messages == [
        f"warning: {tmp_path}/x.csv: column city: 1 of 4 texts are unknown to the model: 'Rome' (1)",
        f"warning: {tmp_path}/x.csv: column city: reads 'oslo' as 'Oslo', ' LYON ' as 'Lyon'",
    ]


def test_later_rows_with_labels_are_taken_so_too(read, caplog):
    model = read(["Oslo", "Lyon"]).spec
    later = read(["OSLO", "lyon"], like=model, name="later.csv")
    np.testing.assert_array_equal(later.rows.x, read(["Oslo", "Lyon"]).rows.x)
    assert caplog.messages[0].endswith("later.csv: column city: reads 'OSLO' as 'Oslo', 'lyon' as 'Lyon'")


def test_a_label_in_another_case_is_refused():
    with pytest.raises(UserError, match=r"the label in row 0 is YES, which is not one of the 2 classes"):
        encode_classes(np.array(["YES", "no"]), np.array(["no", "yes"]), "t.csv")


def test_a_spelling_in_no_training_row_is_read_as_it_would_be_in_a_new_file(read, caplog):
    y = np.arange(60) + 0.5
    seed = next(seed for seed in range(99) if 3 in split_rows(y[:, None], [0.8, 0.1, 0.1], seed)["test"])
    dataset = read(SPELT)
    with caplog.at_level(logging.INFO):
        data = DataModule(dataset, 8, 0, [0.8, 0.1, 0.1], seed, seed=0)
    assert data.spec.categories == {"city": ("Lyon", "Oslo")}
    assert data.spec.unlearned == {"city": ("OSLO",)}
    assert not [message for message in caplog.messages if message.startswith("note")]
    codes = data.parts["all"][0].x[:, 1]
    assert codes[3] == codes[0] == 1
    again = DataModule(read(SPELT, like=data.spec), 8, 0, None, 0, seed=0, like=data.spec)
    np.testing.assert_array_equal(again.parts["all"][0].x, data.parts["all"][0].x)
    assert again.fingerprint == data.fingerprint
