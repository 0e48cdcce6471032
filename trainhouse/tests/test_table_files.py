"""A table is the same whatever its file is: text, packed or not, parquet, Arrow, JSON lines, a workbook, or several."""

import datetime
import decimal
import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, feather, parquet

from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.errors import UserError
from trainhouse.tables.raw_rows import read_raw_rows
from trainhouse.tables.read_table import read_table
from trainhouse.tests.workbook import workbook

TABLE = pa.table(
    {
        "a": [1.5, None, 2.0, 4.5],
        "city": ["Oslo", "Lyon", None, "Oslo"],
        "n": [1, 2, 3, 5],
        "y": ["no", "yes", "no", "yes"],
    }
)
MODEL = DataSpec(
    "classification", (3,), "float32", 2, ("no", "yes"), ("y",), ("a", "city", "n"), {"city": ("Lyon", "Oslo")}, "mean"
)
ROWS = [[1.5, 1, 1], [np.nan, 0, 2], [2, -1, 3], [4.5, 1, 5]]


def write(table, path):
    ending = path.name.partition(".")[2]
    if ending == "parquet":
        parquet.write_table(table, path)
    elif ending == "arrow":
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table)
    elif ending == "feather":
        feather.write_feather(table, path)
    elif ending.startswith(("jsonl", "ndjson")):
        rows = ({key: value for key, value in row.items() if value is not None} for row in table.to_pylist())
        text = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
        with pa.output_stream(str(path), compression="gzip" if ending.endswith("gz") else None) as file:
            file.write(text)
    elif ending == "xlsx":
        workbook(path, empty=[], rows=[table.column_names, *([*row.values()] for row in table.to_pylist())])
    else:
        packed = {"gz": "gzip", "zst": "zstd"}.get(ending.rpartition(".")[2])
        with pa.output_stream(str(path), compression=packed) as file:
            csv.write_csv(table, file, csv.WriteOptions(delimiter="\t" if "tsv" in ending else ","))
    return path


def trained(path, target="y", **arguments):
    return read_table(str(path), target, str(path.parent / "processed"), **arguments)


def predicted(path, model=MODEL):
    return np.concatenate(list(read_raw_rows(path, model, 3)[1]))


TEXT = ["csv", "tsv", "txt", "csv.gz", "tsv.gz", "csv.zst"]
ENDINGS = [*TEXT, "parquet", "feather", "arrow", "jsonl", "ndjson", "jsonl.gz", "xlsx"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_gives_the_same_rows_in_training_evaluation_and_inference(tmp_path, ending):
    if ending == "xlsx":
        pytest.importorskip("python_calamine")
    path = write(TABLE, tmp_path / f"t.{ending}")
    data = trained(path)
    assert replace(data.spec, missing_words=()) == MODEL
    np.testing.assert_array_equal(data.rows.x, ROWS)
    assert data.rows.y.tolist() == [0, 1, 0, 1]
    np.testing.assert_array_equal(predicted(path), ROWS)
    np.testing.assert_array_equal(trained(path, like=MODEL).rows.x, ROWS)


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl.gz"])
def test_a_folder_or_a_pattern_is_one_table_in_the_order_of_names(tmp_path, ending):
    folder = tmp_path / "raw"
    folder.mkdir()
    write(TABLE.slice(2).select(["y", "n", "city", "a"]), folder / f"part-10.{ending}")  # in another order of columns
    write(TABLE.slice(0, 2), folder / f"part-02.{ending}")
    (folder / "_SUCCESS").touch()
    whole = trained(write(TABLE, tmp_path / f"t.{ending}"))
    for path in (folder, folder / "part-*"):
        data = trained(path)
        assert data.spec == whole.spec
        np.testing.assert_array_equal(data.rows.x, ROWS)
        np.testing.assert_array_equal(predicted(path), ROWS)
    kept = len(list((folder / "processed").rglob("spec.json")) + list((tmp_path / "processed").rglob("spec.json")))
    trained(folder)
    write(TABLE.slice(2, 1), folder / f"part-10.{ending}")
    assert len(trained(folder, task="classification").rows.x) == 3
    assert len(list(tmp_path.rglob("spec.json"))) == kept + 1


def test_types_are_those_of_all_files(tmp_path):
    for name, cell in (("1", "1"), ("2", "2.5"), ("3", "NA")):
        (tmp_path / f"p{name}.csv").write_text(f"a,y\n{cell},no\n{cell},yes\n")
    assert np.isnan(trained(tmp_path / "p*.csv").rows.x[4:]).all()
    (tmp_path / "p4.csv").write_text("a,y\n5,no\nx,yes\n")
    model = DataSpec("regression", (1,), "float32", 1, columns=("a",), missing="mean")
    with pytest.raises(UserError, match=r"p\*\.csv: p4\.csv: column a: row 1 is 'x'"):
        predicted(tmp_path / "p*.csv", model)


SEVERAL = {
    "column": ("a,z\n1,2\n", r"p2\.csv has no column 'y', which p1\.csv has"),
    "more": ("a,y,z\n1,2,3\n", r"p2\.csv has a column 'z', which p1\.csv has not"),
    "empty": ("", r"p2\.csv is empty"),
}


@pytest.mark.parametrize(("content", "says"), SEVERAL.values(), ids=SEVERAL)
def test_files_that_are_no_one_table_are_named(tmp_path, content, says):
    (tmp_path / "p1.csv").write_text("a,y\n1,2\n")
    (tmp_path / "p2.csv").write_text(content)
    with pytest.raises(UserError, match=says):
        trained(tmp_path / "p*.csv")
    (tmp_path / "p2.csv").rename(tmp_path / "p2.parquet")
    with pytest.raises(UserError, match=r"has files of several kinds \(p1.csv, p2.parquet\)"):
        trained(tmp_path / "p*")
    with pytest.raises(UserError, match=r"^data\.file: .*q\*\.csv names no file"):
        trained(tmp_path / "q*.csv")


def test_typed_columns_are_numbers_texts_and_dates(tmp_path):
    days = [datetime.date(2024, 1, day) for day in range(1, 5)]
    table = pa.table(
        {
            "price": pa.array([decimal.Decimal("1.25"), decimal.Decimal("2.50"), None, decimal.Decimal("3.75")]),
            "colour": pa.array(["red", "blue", "red", None]).dictionary_encode(),
            "member": [True, False, None, True],
            "half": pa.array([1, 2, 3, 4], pa.float16()),
            "y": pa.array(["no", "yes", "no", "yes"], pa.large_string()),
            "day": days,
            "tags": [[1], [2], [], None],
            "__index_level_0__": [7, 5, 3, 9],
        }
    )
    path = write(table, tmp_path / "t.parquet")
    with pytest.raises(UserError, match=r"column tags holds list<.*data\.drop=\[day,tags\]"):
        trained(path, drop=["day"])
    data = trained(path, drop=["day", "tags"])
    assert data.spec.columns == ("price", "colour", "member", "half")
    assert data.spec.categories == {"colour": ("blue", "red"), "member": ("False", "True")}
    np.testing.assert_array_equal(data.rows.x[:, 0], [1.25, 2.5, np.nan, 3.75])
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UserError, match=r"^data\.file: .*t\.parquet is not a readable parquet file"):
        trained(path)
