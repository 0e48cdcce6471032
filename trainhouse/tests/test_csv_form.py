"""A text file is read in whatever form it has, where only one reading is possible; two are asked about in one line."""

import gzip
import re
from types import SimpleNamespace

import numpy as np
import pytest

from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.errors import UserError, did_you_mean
from trainhouse.predicting.form_of_rows import keys_of_rows
from trainhouse.tables import csv_source
from trainhouse.tables.csv_form import FormKeys
from trainhouse.tables.raw_rows import read_raw_rows
from trainhouse.tables.read_table import read_table

MODEL = DataSpec("regression", (2,), "float32", 1, columns=("a", "b"), targets=("y",), missing="mean")
TABLE = "a,b,y\n1.5,2,3.5\n1002.25,,4.5\n"
ROWS = [[1.5, 2], [1002.25, np.nan]]
SEMICOLONS = TABLE.replace(",", ";")
COMMAS = SEMICOLONS.replace(".", ",")
FORMS = {
    "commas": (TABLE, ""),
    "semicolons": (SEMICOLONS, "semicolons"),
    "tabs": (TABLE.replace(",", "\t"), "tabs"),
    "bars": (TABLE.replace(",", "|"), "vertical bars"),
    "quoted": (SEMICOLONS.replace("a;b;y", '"a";"b";"y"'), "semicolons"),
    "decimal commas": (COMMAS, "semicolons, decimal comma"),
    "quoted decimal commas": ('a,b,y\n"1,5",2,"3,5"\n"1002,25",,"4,5"\n', "decimal comma"),
    "points for thousands": (COMMAS.replace("1002", "1.002"), "semicolons, decimal comma, thousands .* by points"),
    "commas for thousands": (TABLE.replace("1002.25", '"1,002.25"'), "thousands separated by commas"),
    "spaces for thousands": (COMMAS.replace("1002", "1\u202f002"), "semicolons, decimal comma, thousands .* by spaces"),
    "apostrophes for thousands": (TABLE.replace("1002", "1'002"), "thousands separated by spaces"),
    "UTF-8 with a mark": (TABLE.encode("utf-8-sig"), ""),
    "UTF-16": (TABLE.encode("utf-16"), "utf-16"),
    "UTF-16 without a mark": (SEMICOLONS.encode("utf-16-be"), "semicolons, utf-16"),
    "Latin-1": (
        TABLE.replace("b,y", "b,größe,y").replace("2,", "2,7,").replace(",,", ",,7,"),
        "latin-1 .cp1252. as in 'größe' .if that is wrong, set data.encoding.",
    ),
    "for Excel": ("sep=,\n" + TABLE, ""),
    "for Excel, semicolons": ("\ufeffsep=;\r\n" + SEMICOLONS.replace("\n", "\r\n"), "semicolons"),
    "a comma behind each row": (TABLE.replace(".5\n", ".5,\n"), ""),
    "a comma behind each line": (TABLE.replace("\n", ",\n"), ""),
    "carriage returns": (TABLE.replace("\n", "\r"), ""),
    "empty lines": ("\n \n" + TABLE.replace("\n", "\n\n"), ""),
}


def written(path, content, encoding="utf-8"):
    content = content if isinstance(content, bytes) else content.encode(encoding)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def trained(path, **arguments):
    return read_table(str(path), "y", str(path.parent / "processed"), **arguments)


def predicted(path, model=MODEL):
    return np.concatenate(list(read_raw_rows(path, model, 4)[1]))


@pytest.mark.parametrize(("form", "name"), [(form, "t.csv.gz" if form == "tabs" else "t.csv") for form in FORMS])
def test_every_form_gives_the_same_rows_in_training_and_inference_and_is_said(tmp_path, caplog, form, name):
    content, says = FORMS[form]
    path = written(tmp_path / name, content, "latin-1" if form == "Latin-1" else "utf-8")
    caplog.set_level("INFO")
    drop = ["größe"] if form == "Latin-1" else []
    np.testing.assert_array_equal(trained(path, drop=drop).rows.x, ROWS)
    np.testing.assert_array_equal(predicted(path), ROWS)
    lines = [line for line in caplog.messages if "read as" in line]
    assert len(lines) == (2 if says else 0)
    for line in lines:
        assert re.fullmatch(says, line.partition("read as: ")[2])


def test_a_header_may_be_longer_than_what_is_looked_at_first(tmp_path):
    header = ",".join(f"pixel{place}" for place in range(784))
    rows = "".join(",".join(str((row + place) % 9) for place in range(784)) + f",{row}.5\n" for row in range(20))
    assert trained(written(tmp_path / "t.csv", f"{header},y\n{rows}")).rows.x.shape == (20, 784)


def test_a_model_of_one_form_predicts_rows_of_another(tmp_path):
    files = [written(tmp_path / f"{number}.csv", text) for number, text in enumerate((COMMAS, TABLE))]
    set_up = {"separator": ";", "decimal": ",", "encoding": "cp1252"}
    for first, other, keys in ((*files, set_up), (*files[::-1], {})):
        spec = trained(first, **keys).spec
        np.testing.assert_array_equal(predicted(other, spec), ROWS)
        np.testing.assert_array_equal(trained(other, like=spec, **keys).rows.x, ROWS)  # as eval.py reads it


ASKED = {
    "separators": ("x,y;z\n1,2;3\n4,5;6\n", {}, "commas .2 columns. or semicolons .2 columns.; say which, as data.sep"),
    "points": ("a;y\n1.234;1\n5.678;2\n", {}, "a: 1.234 may be 1234 .* or 1.234 .*; set data.thousands='.' or data"),
    "encoding": ("имя,y\n1,2\n".encode("cp1251"), {}, "in which encoding it is isn't certain; .* set data.enc"),
    "encodings": ("a,y\né,1\n".encode() + "é,2\n".encode("latin-1"), {}, "line 3 is no text in UTF-8, but the file is"),
    "a NUL": ("a,y\n1,2\n3,\0\n", {}, "line 3 has a NUL byte"),
    "wrong separator": (TABLE, {"separator": ";;"}, "^data.separator: expected one character"),
    "wrong mark": (TABLE, {"decimal": ";"}, "^data.decimal: expected '.' or ','"),
    "wrong thousands": (TABLE, {"thousands": "x"}, "^data.thousands: expected"),
    "the same twice": (TABLE, {"thousands": ".", "decimal": "."}, "^data.thousands: '.' is the decimal mark"),
    "wrong encoding": (TABLE, {"encoding": "utf-99"}, "^data.encoding: there is no encoding 'utf-99'"),
    "another encoding": ("a,y\né,1\n", {"encoding": "ascii"}, "is no text in ascii; set data.encoding"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "keys", "says"), ASKED.values(), ids=ASKED)
def test_what_may_be_two_things_is_asked_and_what_is_none_is_named_in_one_line(tmp_path, content, keys, says):
    path = written(tmp_path / "t.csv", content)
    with pytest.raises(UserError, match=says) as error:
        trained(path, **keys)
    assert "\n" not in str(error.value)


def test_what_is_set_decides(tmp_path):
    path = written(tmp_path / "t.csv", "a;y\n1.234;1,5\n5.678;2,5\n")
    assert trained(path).rows.x.tolist() == [[1234], [5678]]
    path = written(tmp_path / "t.csv", "a;y\n1.234;1\n5.678;2\n")
    for keys, value in (({"decimal": "."}, 1.234), ({"thousands": "."}, 1234), ({"decimal": ","}, 1234)):
        assert trained(path, task="regression", **keys).rows.x[0, 0] == np.float32(value)
    path = written(tmp_path / "t.csv", 'a,y\n"1,234",1.5\n"5,678",2.5\n')
    assert trained(path, thousands=",").rows.x[0, 0] == 1234
    path = written(tmp_path / "t.csv", "a:y\n1:2.5\n2:3.5\n")
    assert trained(path, separator=":").spec.columns == ("a",)
    path = written(tmp_path / "t.csv", "имя;y\n1;2.5\n2;3.5\n".encode("cp1251"))
    assert trained(path, encoding="cp1251").spec.columns == ("имя",)


def test_decimal_commas_beside_decimal_points_are_not_read_as_either(tmp_path):
    path = written(tmp_path / "t.csv", "a;b;y\n1,5;0.25;1\n2,5;0.75;2\n")
    with pytest.raises(UserError, match=r"column a: .* row 0 is '1,5'; write decimal points"):
        trained(path)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_tables_with_commas_are_read_whatever_their_names_hold(tmp_path, mark):
    path = written(tmp_path / "t.csv", mark + 'a;b,"c|d",y\n1,2,3.5\n2,4,4.5\n')
    assert trained(path).spec.columns == ("a;b", "c|d")


def test_a_single_column_of_such_a_name_is_one(tmp_path):
    path = written(tmp_path / "t.csv", "\n\na;b\n1\n2\n")
    np.testing.assert_array_equal(
        predicted(path, DataSpec("regression", (1,), "float32", 1, columns=("a;b",))), [[1], [2]]
    )


@pytest.mark.parametrize(("name", "option"), [("pclass", "PCLASS"), ("PCLASS", "pclass"), ("pclass", " Pclass ")])
def test_a_name_in_another_case_is_the_one_that_was_meant(name, option):
    assert did_you_mean(name, ["plass", option]) == f"; did you mean '{option}'?"


def test_lines_above_the_header_are_skipped_and_not_counted_as_rows(tmp_path):
    rows = [f"{row};{row % 3},5;{row % 2}" for row in range(30)]
    file = tmp_path / "t.csv"
    file.write_text("\n".join(["Sales 2024", "# by month", "a;b;y", *rows]) + "\n")
    data = read_table(str(file), "y", str(tmp_path / "kept"), skip_rows=2, keep_index=True)
    assert data.spec.columns == ("a", "b")
    assert data.rows.x[:2].tolist() == [[0, 0.5], [1, 1.5]]
    file.write_text("\n".join(["Sales 2024", "# by month", "a;b;y", *rows, "1;2"]) + "\n")
    with pytest.raises(UserError, match="row 30 has 2 cells, but the header has 3"):
        read_table(str(file), "y", str(tmp_path / "kept"), skip_rows=2)
    file.write_text("\n".join(["sep=;", "a;b;y", *rows, "1;2"]) + "\n")
    with pytest.raises(UserError, match="row 30 has 2 cells, but the header has 3"):
        read_table(str(file), "y", str(tmp_path / "kept"))


def test_new_rows_are_read_as_is_said_or_as_those_of_training_where_they_are_in_doubt(tmp_path):
    spec = DataSpec("regression", (1,), "float64", 1, columns=("größe",))
    (tmp_path / "t.csv").write_bytes("Export\ngröße;x\n1.234;2\n".encode("cp1252"))
    form = FormKeys(separator=";", thousands=".", encoding="cp1252", skip_rows=1)
    checkpoint = SimpleNamespace(config=SimpleNamespace(data={"decimal": "."}))
    given = {"separator": ";", "thousands": ".", "encoding": "cp1252", "skip_rows": 1}
    assert keys_of_rows(checkpoint, given).form == form
    rows = [*read_raw_rows(tmp_path / "t.csv", spec, 8, keys=keys_of_rows(checkpoint, given))[1]]
    assert rows[0].tolist() == [[1234]]
    (tmp_path / "u.csv").write_text("größe;x\n1.234;2\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"set data\.thousands='\.' or data\.decimal='\.'"):
        [*read_raw_rows(tmp_path / "u.csv", spec, 8)[1]]
    rows = [*read_raw_rows(tmp_path / "u.csv", spec, 8, keys=keys_of_rows(checkpoint, {}))[1]]
    assert rows[0].tolist() == [[1.234]]
    with pytest.raises(UserError, match=r"data\.sepator: .*did you mean 'separator'"):
        keys_of_rows(checkpoint, {"sepator": ";"})
    with pytest.raises(UserError, match=r"data\.skip_rows: expected a number of lines, got 'x'"):
        keys_of_rows(checkpoint, {"skip_rows": "x"})


def test_decimal_commas_far_behind_whole_numbers_are_read_for_a_model_too(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_source, "_BLOCK", 4096)
    for name, text, number in (
        ("new.tsv", "a\tb\n" + "7123\t2\n" * 9000 + "70,5\t2\n", 70.5),
        ("new.csv", "a,b\n" + "7123,2\n" * 9000 + '"70,5",2\n', 70.5),
        ("points.csv", "a,b\n" + "7123.5,2\n" * 9000 + '"7,123",2\n', 7123),
    ):
        (tmp_path / name).write_text(text)
        rows = np.concatenate(list(read_raw_rows(tmp_path / name, MODEL, 64)[1]))
        assert rows[-1].tolist() == [number, 2]
        assert len(rows) == 9001
    (tmp_path / "new.csv").write_text("a,b\n" + "7.123,2\n" * 9000 + '"1.770,5",2\n')
    batches = read_raw_rows(tmp_path / "new.csv", MODEL, 64)[1]
    assert next(batches)[0, 0] == 7.123
    with pytest.raises(UserError, match=r"its points separate thousands; set data\.decimal=',' data\.thousands='\.'$"):
        list(batches)


GERMAN = "a\tb\ty\n" + "".join(f"{row}.{row:03},5\t{row % 4}\t{'yes' if row > 50 else 'no'}\n" for row in range(1, 99))


def test_marks_that_training_has_recognised_decide_where_new_rows_are_in_doubt(tmp_path):
    path = written(tmp_path / "t.tsv", GERMAN)
    data = read_table(str(path), "y", str(tmp_path / "processed"))
    assert data.spec.marks == (",", ".")
    new = written(tmp_path / "new.tsv", "a\tb\ty\n2.496\t0\tno\n3.120\t1\tyes\n")
    other = read_table(str(new), "y", str(tmp_path / "processed"), like=data.spec)
    np.testing.assert_array_equal(other.rows.x[:, 0], [2496, 3120])
    checkpoint = SimpleNamespace(config=SimpleNamespace(data={}), spec=data.spec)
    for given, first in (({}, 2496), ({"encoding": "utf-8"}, 2496), ({"decimal": "."}, 2.496)):
        rows = [*read_raw_rows(new, data.spec, 8, keys=keys_of_rows(checkpoint, given))[1]]
        assert rows[0][0, 0] == pytest.approx(first)
    own = read_table(str(path), "y", str(tmp_path / "processed"), test_file=str(new))
    np.testing.assert_array_equal(own.test.x[:, 0], [2496, 3120])
