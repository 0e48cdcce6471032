"""A table becomes rows, labels and a spec; a cell or column that can't is named."""

import errno
import gzip
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trainhouse.arrays.spec import Dataset, DataSpec
from trainhouse.configuration.errors import UserError
from trainhouse.tables import convert
from trainhouse.tables import read_table as read_table_module
from trainhouse.tables.read_table import read_table
from trainhouse.tests.forked import forked
from trainhouse.tests.test_spec import SPEC

PEOPLE = "age,city,height,bought\n30,Oslo,1.5,no\n,Lyon,1.75,yes\n50,,2.0,no\n20,Oslo,,yes\n"
NUMBERS = "a,b,y\n1,2,0\n3,4,1\n5,6,0\n"


@pytest.fixture
def read(tmp_path):
    def from_text(text: str | bytes, target: str | list[str] = "y", **arguments) -> Dataset:
        content = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "table.csv").write_bytes(content)
        return read_table(str(tmp_path / "table.csv"), target, str(tmp_path / "processed"), **arguments)

    return from_text


def test_numbers_stay_numbers_text_becomes_codes_and_empty_cells_are_missing(read):
    data = read(PEOPLE, "bought")
    assert data.spec == replace(SPEC, missing_words=data.spec.missing_words)
    np.testing.assert_array_equal(data.rows.x, [[30, 1, 1.5], [np.nan, 0, 1.75], [50, -1, 2], [20, 1, np.nan]])
    np.testing.assert_array_equal(data.rows.y, [0, 1, 0, 1])


@pytest.mark.parametrize(
    ("arguments", "task", "y"),
    [
        ({"target": "y"}, "classification", [0, 1, 0]),
        ({"target": "y", "task": "regression"}, "regression", [[0], [1], [0]]),
        ({"target": ["b", "y"], "task": "regression"}, "regression", [[2, 0], [4, 1], [6, 0]]),
    ],
)
def test_one_column_or_several_are_the_target(read, arguments, task, y):
    data = read(NUMBERS, **arguments)
    assert data.spec.task == task
    np.testing.assert_array_equal(data.rows.y, y)


def test_a_compressed_file_gives_what_the_plain_one_gives(read, tmp_path):
    plain = read(NUMBERS)
    (tmp_path / "table.csv.gz").write_bytes(gzip.compress(NUMBERS.encode()))
    packed = read_table(str(tmp_path / "table.csv.gz"), "y", str(tmp_path / "processed"))
    assert packed.spec == plain.spec
    np.testing.assert_array_equal(packed.rows.x, plain.rows.x)


def test_dropped_columns_are_not_features(read):
    assert read(PEOPLE, "bought", drop=["city", "age"]).spec.columns == ("height",)


def test_pixels_in_columns_become_images_of_bytes(read):
    data = read("a,b,c,d,y\n0,255,7,1,0\n9,8,7,6,1\n", shape=[1, 2, 2], dtype="uint8")
    assert data.rows.x.dtype == np.uint8
    np.testing.assert_array_equal(data.rows.x[0], [[[0, 255], [7, 1]]])


def test_a_deleted_folder_and_an_unfinished_conversion_are_made_again(read, tmp_path):
    first = np.array(read(NUMBERS).rows.x)
    shutil.rmtree(tmp_path / "processed")
    np.testing.assert_array_equal(read(NUMBERS).rows.x, first)
    (record,) = (tmp_path / "processed").rglob("spec.json")
    record.unlink()
    (record.parent / "features.npy").write_bytes(b"half")
    np.testing.assert_array_equal(read(NUMBERS).rows.x, first)


@pytest.mark.parametrize("part", ["features", "labels"])
@pytest.mark.parametrize("damage", [lambda content: content[:-4], lambda content: content[:-1] + b"\x7f"])
def test_converted_rows_that_were_damaged_are_made_again(read, tmp_path, part, damage):
    first = read(NUMBERS)
    x, y = np.array(first.rows.x), np.array(first.rows.y)
    (rows,) = (tmp_path / "processed").rglob(f"{part}.npy")
    rows.unlink()  # `first` has the old one mapped
    np.save(rows, {"features": x, "labels": y}[part])
    rows.write_bytes(damage(rows.read_bytes()))
    again = read(NUMBERS)
    np.testing.assert_array_equal(again.rows.x, x)
    np.testing.assert_array_equal(again.rows.y, y)


def test_a_table_that_changes_while_it_is_read_is_not_kept_as_the_one_it_was(read, tmp_path, monkeypatch):
    other = NUMBERS.replace("5,6", "7,8")
    inner = convert.find_columns

    def find_columns(*arguments):
        (tmp_path / "table.csv").write_text(other)
        return inner(*arguments)

    monkeypatch.setattr(convert, "find_columns", find_columns)
    with pytest.raises(UserError, match=r"^data\.file: .*table\.csv was changed while it was read"):
        read(NUMBERS)
    monkeypatch.undo()
    assert read(NUMBERS).rows.x[2].tolist() == [5, 6]
    assert read(other).rows.x[2].tolist() == [7, 8]


def test_a_full_disk_costs_no_more_than_reading_the_table_again(read, tmp_path, monkeypatch, caplog):
    inner = read_table_module.convert

    def convert_where_there_is_room(path, asked, keys, folder):
        if folder.is_relative_to(tmp_path):
            raise OSError(errno.ENOSPC, "No space left on device", str(folder))
        inner(path, asked, keys, folder)

    monkeypatch.setattr(read_table_module, "convert", convert_where_there_is_room)
    assert read(PEOPLE, "bought", id_columns=["city"]).rows.x.shape == (4, 2)
    assert "data.processed: cannot write" in caplog.text
    assert not list(tmp_path.rglob("*.npy"))


def test_of_two_processes_at_once_one_reads_the_table(tmp_path, monkeypatch):
    (tmp_path / "table.csv").write_text(NUMBERS)
    inner = read_table_module.convert

    def convert_and_say_so(*arguments):
        (tmp_path / f"converted-{os.getpid()}").touch()
        inner(*arguments)

    def read_here():
        data = read_table(str(tmp_path / "table.csv"), "y", str(tmp_path / "processed"))
        assert data.rows.x.tolist() == [[1, 2], [3, 4], [5, 6]]

    monkeypatch.setattr(read_table_module, "convert", convert_and_say_so)
    assert forked(read_here, read_here) == [0, 0]
    assert len(list(tmp_path.glob("converted-*"))) == 1


def test_converted_rows_are_kept_and_never_mistaken_for_those_of_other_content_or_arguments(read, tmp_path):
    def kept() -> set[Path]:
        return set((tmp_path / "processed").rglob("spec.json"))

    read(NUMBERS)
    (only,) = kept()
    written = only.stat().st_mtime_ns
    read(NUMBERS)
    assert kept() == {only}
    assert only.stat().st_mtime_ns == written
    assert read(NUMBERS.replace("5,6", "5,7")).rows.x[2, 1] == 7
    assert read(NUMBERS, drop=["a"]).rows.x.shape == (3, 1)
    assert len(kept()) == 3


def test_later_data_get_the_columns_codes_and_classes_of_the_earlier_ones(read):
    earlier = read(PEOPLE, "bought").spec
    later = read("bought,note,height,city,age\nyes,x,1,Rome,40\nyes,x,1,Oslo,41\n", "bought", like=earlier)
    assert later.spec == earlier
    np.testing.assert_array_equal(later.rows.x, [[40, -1, 1], [41, 1, 1]])
    np.testing.assert_array_equal(later.rows.y, [1, 1])


PLAIN = DataSpec("classification", (5,), "float32", 2, ("0", "1"))  # of arrays, whose columns have no names
FIVE_ROWS = "a,b,c,d,y\n" + "1,2,3,4,0\n" * 5


@pytest.mark.parametrize(
    ("text", "like", "message"),
    [
        ("agee,city,height,bought\n1,Oslo,2,no\n", PEOPLE, ".*has no column 'age', which .* did you mean 'agee'"),
        ("age,city,height,bought\nold,Oslo,2,no\n", PEOPLE, ".*age"),
        ("age,city,height,bought\n1,Oslo,2,maybe\n", PEOPLE, ".*row 0 is maybe, which is not one of the 2 classes"),
        (FIVE_ROWS, PLAIN, ".*4"),
    ],
    ids=["column missing", "text in a column of numbers", "unknown class", "too few columns"],
)
def test_later_data_that_the_model_can_not_take_are_refused(read, text, like, message):
    if like is PEOPLE:
        like = read(PEOPLE, "bought").spec
    with pytest.raises(UserError, match=rf"table\.csv{message}"):
        read(text, "y" if like is PLAIN else "bought", like=like)


MANY = "id,y\n" + "".join(f"n{i},{i % 2}\n" for i in range(300))
IDS = "id,y\n" + "".join(f"n{i},{i % 2}\n" for i in range(20))
FEW = "a,y\n" + "".join(f"{'%s' if i == 3 else i},{i % 2}\n" for i in range(20))
REFUSED = {
    "dtype": (NUMBERS, {"dtype": "int8"}, r"^data\.dtype: expected uint8 or float32, got 'int8'"),
    "target": (NUMBERS, {"target": "yy"}, r"^data\.target: .*table\.csv has no column 'yy'; did you mean 'y'"),
    "no target": (NUMBERS, {"target": []}, r"^data\.target: "),
    "drop": (NUMBERS, {"drop": ["c"]}, r"^data\.drop: .*table\.csv has no column 'c'"),
    "only target": (NUMBERS, {"drop": ["a", "b"]}, r"^data\.file: .*table\.csv has no columns but the target"),
    "shape": (NUMBERS, {"shape": [2, 2]}, r"^data\.shape: \[2, 2\] holds 4 values, but .*table\.csv has 2 columns"),
    "label": (
        NUMBERS + "7,8,\n",
        {},
        r"table\.csv: 1 row has no label in column y: row 3; delete it, or name another column in "
        r"data\.target; data\.unlabelled=drop leaves such rows out",
    ),
    "text label": ("a,y\n1,p\n2,\n3,q\n", {}, r"table\.csv: 1 row has no label in column y: row 1"),
    "targets": ("a,b,y\n1,x,0\n", {"target": ["b", "y"]}, r"^data\.target: several targets must be .*table\.csv"),
    "id": (MANY, {}, r"table\.csv: column id has 300 different texts in 300 rows.*data\.drop=\[id\]"),
    "bytes": (NUMBERS + "7,256,1\n", {"dtype": "uint8"}, r"table\.csv: row 3, column b is 256, expected a whole"),
    "fraction": ("a,y\n1,0\n1.5,1\n", {"dtype": "uint8"}, r"table\.csv: row 1, column a is 1\.5"),
    "hole": ("a,y\n1,0\n,1\n", {"dtype": "uint8"}, r"table\.csv: row 1, column a is nan"),
    "target twice": (NUMBERS, {"target": ["y", "y"]}, r"^data\.target: column 'y' is named twice"),
    "target dropped": (NUMBERS, {"drop": ["y"]}, r"^data\.drop: column 'y' is the target"),
    "no shape": (NUMBERS, {"shape": []}, r"^data\.shape: expected whole numbers above 0, .* got \[\]"),
    "negative shape": (
        NUMBERS,
        {"shape": [-2, -1]},
        r"^data\.shape: expected whole numbers above 0, .* got \[-2, -1\]",
    ),
    "one mark": (FEW % "?", {}, r"column a: 19 of 20 values are numbers, row 3 is '\?'; empty that cell.*drop=\[a\]"),
    "decimal comma": (FEW % '"1,5"' + "0.5,1\n", {}, r"column a: 21 of 21 values .*, row 3 is '1,5'; write decimal po"),
    "ids in few rows": (IDS, {}, r"column id has 20 different texts in 20 rows.*data\.drop=\[id\]"),
    "one class": ("a,y\n1,0\n2,0\n", {}, r"table\.csv, column y: there is only one class"),
    "target text": ("a,y\n1,p\n2,q\n", {"task": "regression"}, r"table\.csv, column y: targets are <U1"),
    "twice": ("a,a,y\n1,2,0\n", {}, r"^data\.file: .*table\.csv has two columns 'a'"),
    "no rows": ("a,y\n", {}, r"^data\.file: .*table\.csv has no rows"),
    "empty": ("", {}, r"^data\.file: .*table\.csv is empty \(0 bytes\)"),
    "ragged": ("a,y\n1,0\n1,2,3\n", {}, r"^data\.file: .*table\.csv: row 1 has 3 cells, but the header has 2$"),
}


@pytest.mark.parametrize(("text", "arguments", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_table_that_can_not_be_learned_from_is_refused_with_its_key_or_column(read, text, arguments, message):
    with pytest.raises(UserError, match=message):
        read(text, **arguments)


def test_a_folder_that_can_not_be_written_is_named_with_its_key(tmp_path):
    (tmp_path / "table.csv").write_text(NUMBERS)
    with pytest.raises(UserError, match=r"^data\.processed: cannot write .*table\.csv"):
        read_table(str(tmp_path / "table.csv"), "y", str(tmp_path / "table.csv"))


def test_a_missing_table_is_named_with_its_key(tmp_path):
    missing = str(tmp_path / "none.csv")
    with pytest.raises(UserError, match=rf"^data\.file: {re.escape(missing)} does not exist"):
        read_table(missing, "y", str(tmp_path))
