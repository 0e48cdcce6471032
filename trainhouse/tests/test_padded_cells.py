"""Spaces around a cell say nothing: of white space alone it is missing, in numbers, dates and texts, at all times."""

import numpy as np
import pyarrow as pa
import pytest

from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.errors import UserError
from trainhouse.tables import csv_source
from trainhouse.tables.column_kinds import as_kind, missing_cells
from trainhouse.tables.csv_source import CsvSource
from trainhouse.tables.one_file import Keys
from trainhouse.tables.raw_rows import read_raw_rows
from trainhouse.tables.read_table import read_table
from trainhouse.tests.test_csv_form import MODEL

NAN = float("nan")
PAD = [" ", "  ", "\t", '"  "', "NA ", '" NULL\t"', "\u00a0"]
PLAIN = {
    "whole": "12",
    "fraction": "1.5",
    "day": "2024-01-31",
    "point": "2024-01-31 10:30:00",
    "time": "10:30",
    "text": "Oslo",
}


def written(path, missing, separator=",", decimal=".", rows=40):
    mark = {"fraction": f'"1{decimal}5"'}
    lines = [[*PLAIN, "y"], *[[*(PLAIN | mark).values(), "yes"], [" 13 ", *[missing] * 5, "no"]] * rows]
    lines.append([missing, f'" 2{decimal}5 "', *[missing] * 4, "no"])
    path.write_text("".join(separator.join(line) + "\n" for line in lines))
    return path


@pytest.mark.parametrize(("separator", "decimal"), [(",", "."), (";", ","), ("\t", "."), ("|", ".")])
def test_cells_of_white_space_are_missing_in_columns_of_all_kinds(tmp_path, separator, decimal):
    for place, missing in enumerate(PAD if separator != "\t" else [" ", '"\t"', "NA "]):
        path = written(tmp_path / f"{place}.csv", missing, separator, decimal)
        data = read_table(str(path), "y", str(tmp_path / "processed"))
        assert data.spec.categories == {"text": ("Oslo",)}
        assert [*data.spec.dates] == ["day", "point", "time"]
        x = data.rows.x
        assert x[0, :2].tolist() == [12, 1.5]
        assert x[1, 0] == 13
        assert np.isnan(x[-1, 0])
        assert x[-1, 1] == 2.5
        assert np.isnan(x[1:-1:2, 1:5]).all()
        assert (x[1::2, 5] == -1).all()
        assert not np.isnan(x[::2, :5][:-1]).any()
        again = read_table(str(path), "y", str(tmp_path / "again"), like=DataSpec.from_dict(data.spec.to_dict()))
        for other in (again.rows.x, np.concatenate(list(read_raw_rows(path, data.spec, 7)[1]))):
            np.testing.assert_array_equal(other, x)


@pytest.mark.parametrize("cells", [["7123", " 70 "], [" ", " "], ["7.25", "70"]])
def test_white_space_far_behind_plain_cells_is_missing_too(tmp_path, monkeypatch, cells):
    monkeypatch.setattr(csv_source, "_BLOCK", 4096)
    first, last = cells
    (tmp_path / "t.csv").write_text(
        "a,b,y\n" + f"{first},2,0\n" * 3000 + f" ,2,1\n{last},NA ,1\n" + f"{last},2,1\n" * 3000 + "5, ,0\n"
    )
    x = read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "processed")).rows.x
    streamed = np.concatenate(list(read_raw_rows(tmp_path / "t.csv", MODEL, 64)[1]))
    for rows in (x, streamed):
        expected = [[float(first.strip() or "nan"), 2], [NAN, 2], [float(last.strip() or "nan"), NAN], [5, NAN]]
        np.testing.assert_array_equal(rows[[0, 3000, 3001, 6002]], expected)
        assert len(rows) == 6003


def test_columns_keep_their_types_and_only_those_with_such_cells_are_read_as_text_first(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,c\n12, 12 ,2024-01-31\n, ,\n9007199254740993,9007199254740993,2024-02-01\n")
    source = CsvSource(tmp_path / "t.csv", "data.file", Keys(), missing_cells(["NA"]), ())
    assert source._padded == {"1"}
    (batch,) = source.batches(source.names, source.kinds(whole=True))
    assert batch.column(0).to_pylist() == batch.column(1).to_pylist() == [12, None, 9007199254740993]


def test_a_text_among_numbers_and_white_space_is_named_alone(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n ,2\nNA ,2\n?,2\n")
    with pytest.raises(UserError, match=r"t\.csv: column a: row 3 is '\?'; write a number, or empty that cell$"):
        list(read_raw_rows(tmp_path / "t.csv", MODEL, 64)[1])


@pytest.mark.parametrize("kind", [pa.null(), pa.int64(), pa.float64(), pa.date32(), pa.time32("s"), pa.timestamp("s")])
def test_cells_that_are_all_missing_are_of_any_type(kind):
    assert as_kind(pa.array([" ", "\tNA "]), kind, missing_cells(["NA"])).equals(pa.nulls(2, kind))
    with pytest.raises(pa.ArrowInvalid):
        as_kind(pa.array([" ", "x"]), kind, missing_cells(["NA"]))


def test_hours_without_minutes_are_no_times(tmp_path):
    (tmp_path / "t.csv").write_text("a,y\n" + "10:30,0\n12,1\n" * 20)
    source = CsvSource(tmp_path / "t.csv", "data.file", Keys(), missing_cells([]), ())
    assert source.kinds(whole=True)["a"] == "string"


def test_a_cell_of_another_type_than_the_first_rows_of_an_unnamed_model_s_labels_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_source, "_BLOCK", 4096)
    spec = DataSpec("classification", (1,), "float32", 2, ("0", "1"), label_places=(1,))
    (tmp_path / "t.csv").write_text("a,b\n" + "7123,1\n" * 3000 + "7123,1.5\n")
    with pytest.raises(UserError, match=r"t\.csv: column b: row 3000 is '1\.5', not as the cells above it"):
        list(read_raw_rows(tmp_path / "t.csv", spec, 64)[1])
