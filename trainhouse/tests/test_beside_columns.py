"""Columns of a table that say which rows train, what they count and what they are called; none is a feature."""

from pathlib import Path

import numpy as np
import pytest

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.spec import Dataset
from trainhouse.configuration.errors import UserError
from trainhouse.tables.read_table import read_table

HEAD = "id,user,day,w,part,size,colour,y\n"
ROWS = [
    f"{place:03d},u{place // 3},2024-01-{1 + place:02d},{place % 4 / 2},{'test' if place > 23 else 'train'},"
    f"{place * 7 % 5}.5,{'red' if place % 2 else 'blue'},{'yes' if place % 3 else 'no'}\n"
    for place in range(30)
]
ALL = {
    "split_column": "part",
    "group_column": "user",
    "weight_column": "w",
    "id_columns": ["id"],
}


def read(folder: Path, text: str = HEAD + "".join(ROWS), **arguments) -> Dataset:
    (folder / "table.csv").write_text(text)
    has_day = "day" in text.partition("\n")[0] and arguments.get("time_column") != "day"
    dates = ["day"] if has_day else []  # which no model takes
    arguments["drop"] = dates + arguments.get("drop", [])
    return read_table(str(folder / "table.csv"), "y", str(folder / "processed"), **arguments)


def test_none_of_them_is_a_feature_and_each_is_read_as_it_is_written(tmp_path):
    data = read(tmp_path, **ALL)
    assert data.spec.columns == ("size", "colour")
    beside = data.beside
    assert beside.splits.tolist() == [0] * 24 + [2] * 6
    assert len(np.unique(beside.groups)) == 10
    assert len(np.unique(beside.groups[:3])) == 1
    assert beside.weights[:5].tolist() == [0, 0.5, 1, 1.5, 0]
    assert beside.ids(np.array([7, 0])) == {"id": ["007", "000"]}
    again = read(tmp_path, **ALL).beside  # from the arrays that are kept
    np.testing.assert_array_equal(again.groups, beside.groups)


@pytest.mark.parametrize("ending", ["npz", "arrow"])
def test_what_is_kept_of_them_is_made_again_if_it_is_damaged(tmp_path, ending):
    first = read(tmp_path, **ALL).beside
    (kept,) = (tmp_path / "processed").rglob(f"*.{ending}")
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 1
    kept.write_bytes(content)
    again = read(tmp_path, **ALL).beside
    assert kept.read_bytes() != content
    np.testing.assert_array_equal(again.groups, first.groups)
    assert again.ids(np.arange(30)) == first.ids(np.arange(30))


def test_group_or_time_is_a_feature_too_if_asked(tmp_path):
    kept = read(tmp_path, group_column="w", keep_columns=["w"], drop=["id", "user", "part"])
    assert kept.spec.columns == ("w", "size", "colour")
    with pytest.raises(UserError, match=r"data.keep_columns: 'w' is neither data.group_column nor"):
        read(tmp_path, weight_column="w", keep_columns=["w"])


def test_dates_and_numbers_are_times_and_words_are_not(tmp_path):
    data = read(tmp_path, time_column="day", drop=["id", "user", "w", "part"])
    assert (np.diff(data.beside.times) > 0).all()
    served = DataModule(data, 4, 0, [0.6, 0.2, 0.2], 0, 0)
    assert served.row_numbers_of("test").tolist() == list(range(24, 30))
    with pytest.raises(UserError, match=r"data.time_column: .*, column colour: row 0: 'blue' is no time"):
        read(tmp_path, time_column="colour")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"group_column": "usr"}, r"data.group_column: .*table.csv has no column 'usr'; did you mean 'user'"),
        ({"id_columns": ["y"]}, "data.id_columns: column 'y' is the target"),
        (
            {"group_column": "user", "time_column": "user"},
            "data.time_column: column 'user' is data.group_column already",
        ),
        ({"id_columns": ["id", "id"]}, "data.id_columns: column 'id' is named twice"),
        ({"weight_column": "colour"}, "data.weight_column: .*, column colour: row 0 is 'blue'; expected a number"),
        ({"split_column": "colour"}, "data.split_column: .*, column colour: row 0 is 'blue'; expected train"),
    ],
)
def test_a_column_that_can_not_be_that_is_named_with_its_key(tmp_path, arguments, line):
    with pytest.raises(UserError, match=line):
        read(tmp_path, **arguments)


def test_a_missing_group_or_weight_is_named_by_its_row(tmp_path):
    broken = HEAD + "".join(ROWS).replace("001,u0", "001,").replace("04,1.5", "04,")
    with pytest.raises(UserError, match=r"data.group_column: .*: row 1 has no group"):
        read(tmp_path, broken, group_column="user")
    with pytest.raises(UserError, match=r"data.weight_column: .*: row 3 has none"):
        read(tmp_path, broken, weight_column="w")


def test_the_odd_cell_of_weights_is_named_by_its_row(tmp_path):
    with pytest.raises(UserError, match=r"data.weight_column: .*, column w: row 2 is 'high'; expected a number"):
        read(tmp_path, "size,w,y\n1.5,2.5,yes\n2.5,1,no\n3.5,high,no\n", weight_column="w")


def test_the_odd_cell_of_times_is_named_by_its_row(tmp_path):
    rows = "".join(f"{row}.5,2024-01-{row + 1:02},{row % 2}\n" for row in range(20)) + "3,unknown,1\n"
    with pytest.raises(UserError, match=r"data.time_column: .*, column day: row 20: 'unknown' is no time"):
        read(tmp_path, f"size,day,y\n{rows}", time_column="day")


def test_weights_that_can_be_read_in_two_ways_are_refused_as_features_are(tmp_path):
    rows = "".join(f"{row * 7 % 11};1.{row % 10}34;{row % 2}\n" for row in range(30))
    with pytest.raises(UserError, match=r"column w.*1\.034"):
        read(tmp_path, f"size;w;y\n{rows}", weight_column="w")


def test_a_group_written_as_a_whole_number_with_a_point_is_that_number(tmp_path):
    rows = "".join(f"{row}.5,{row % 5 + 1}{'.0' * (row >= 20)},{row % 2}\n" for row in range(40))
    groups = read(tmp_path, f"size,user,y\n{rows}", group_column="user").beside.groups
    assert len(set(groups.tolist())) == 5
    assert groups[:20].tolist() == groups[20:].tolist()


def test_a_file_of_its_own_has_the_codes_of_training_and_is_no_part_of_the_split(tmp_path):
    (tmp_path / "test.csv").write_text(HEAD + "x,v1,,2,,9.5,green,yes\ny,v2,,0,,1.5,red,no\n")
    own = {"test_file": str(tmp_path / "test.csv"), "drop": ["part"]}
    data = read(tmp_path, group_column="user", weight_column="w", id_columns=["id"], **own)
    assert data.test.x.tolist() == [[9.5, -1], [1.5, 1]]
    assert data.test.y.tolist() == [1, 0]
    served = DataModule(data, 4, 0, [0.6, 0.2, 0.2], 0, 0)
    assert [served.row_count(name) for name in ("train", "val", "test")] == [21, 9, 2]
    assert served.beside["test"].ids(np.array([1])) == {"id": ["y"]}
    assert served.weights_of("test")[1] == 0


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("size,y\n1,yes\n", r"data.test_file: .*own.csv has no column 'colour', which .*table.csv has"),
        (HEAD + "x,u1,,2,,9.5,green,yes\ny,u2,,0,,1.5,red,no\n", r"data.group_column: 2 groups are in both files"),
    ],
)
def test_a_file_of_its_own_that_does_not_fit_is_named(tmp_path, text, line):
    (tmp_path / "own.csv").write_text(text)
    own = {"test_file": str(tmp_path / "own.csv"), "drop": ["id", "w", "part"]}

    def served() -> DataModule:
        return DataModule(read(tmp_path, group_column="user", **own), 4, 0, [0.6, 0.2, 0.2], 0, 0)

    with pytest.raises(UserError, match=line):
        served()


def test_the_table_itself_is_no_file_of_its_own(tmp_path):
    with pytest.raises(UserError, match=r"data.val_file: .*table.csv is data.file itself"):
        read(tmp_path, val_file=str(tmp_path / "table.csv"))


def test_a_model_measures_other_data_that_lacks_them(tmp_path, caplog):
    spec = read(tmp_path, **ALL).spec
    other = read(tmp_path, "size,colour,y\n1.5,red,yes\n2.5,blue,no\n", like=spec, **ALL)
    assert other.beside.arrays() == []
    assert other.rows.y.tolist() == [1, 0]
    assert "has no column 'w', so each row counts once" in caplog.text


def test_a_class_that_groups_keep_from_training_is_named_with_their_key(tmp_path):
    rows = "".join(f"{row}.5,g{row // 10},{'abc'[row // 10]}\n" for row in range(30))
    with pytest.raises(UserError, match=r"data.group_column: class [abc] is in no row that it leaves to training"):
        DataModule(read(tmp_path, f"size,user,y\n{rows}", group_column="user"), 4, 0, [0.6, 0.2, 0.2], 0, 0)


def test_groups_that_differ_in_case_or_spaces_are_named_in_every_run(tmp_path, caplog):
    text = HEAD + "".join(ROWS).replace("u3,", "U2 ,", 1)
    for _ in range(2):
        caplog.clear()
        data = read(tmp_path, text, **ALL)
        assert len(np.unique(data.beside.groups)) == 11
        assert "table.csv: column user: 'u2' and 'U2 ' differ in case or spaces only, but are groups of" in caplog.text


def test_a_time_may_be_an_id_too(tmp_path):
    rows = "".join(f"{1990 + row},{row % 7},{row % 2}\n" for row in range(20))
    data = read(tmp_path, "year,a,y\n" + rows, time_column="year", id_columns=["year"])
    assert data.beside.times.tolist()[:2] == [1990, 1991]
    assert data.beside.ids(np.array([3])) == {"year": ["1993"]}
