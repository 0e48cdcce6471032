"""A cell that is no number is named by its column and row, with what to write; what means missing is none."""

import numpy as np
import pytest

from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.errors import UserError
from trainhouse.tables.raw_rows import read_raw_rows
from trainhouse.tables.read_table import read_table

MODEL = DataSpec(
    "regression",
    (3,),
    "float32",
    1,
    columns=("a", "city", "b"),
    categories={"city": ("Lyon", "NA", "Oslo")},
    targets=("y",),
    missing="mean",
)
CELLS = {
    "28%": "row 3 is '28%'; write no % (28)",
    '"7,5"': "row 3 is '7,5'; write decimal points (7.5)",
    '"7,500"': "row 3 is '7,500'; three digits behind the comma may be thousands or decimals: write 7500 or 7.500",
    "#DIV/0!": "row 3 is '#DIV/0!'; write a number, or empty that cell",
    "1_000": "row 3 is '1_000'; write 1000",
}


def table(path, cell, rows=5, at=3):
    lines = (f"Oslo,{row},{cell if row == at else row},{row}.5\n" for row in range(rows))
    path.write_text("city,a,b,y\n" + "".join(lines))
    return path


@pytest.mark.parametrize(("cell", "says"), CELLS.items(), ids=CELLS)
def test_the_cell_is_named_in_inference_and_in_evaluation(tmp_path, cell, says):
    path = table(tmp_path / "t.csv", cell)
    for key, read in (
        ("input: ", lambda: list(read_raw_rows(path, MODEL, 4)[1])),
        ("data.file: ", lambda: read_table(str(path), "y", str(tmp_path / "processed"), like=MODEL)),
    ):
        with pytest.raises(UserError) as error:
            read()
        assert str(error.value).startswith(f"{key}{path}: column b: {says}")
        assert "\n" not in str(error.value)


def test_a_row_far_behind_is_counted_from_the_first(tmp_path):
    path = table(tmp_path / "t.csv", "?", rows=200_000, at=150_000)  # the first block of a file is 1 MiB
    with pytest.raises(UserError, match=r"column b: row 150000 is '\?'; write a number"):
        list(read_raw_rows(path, MODEL, 4096)[1])


def test_dates_where_numbers_were_are_named(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,city,b,y\n1,Oslo,2024-01-01,1.5\n2,Oslo,2024-01-02,2.5\n")
    with pytest.raises(UserError, match=r"t\.csv: column b holds dates, but numbers in training; write it as then"):
        read_table(str(path), "y", str(tmp_path / "processed"), like=MODEL)
    with pytest.raises(UserError, match=r"^input: .*: 2 problems:\n  column b: row 0 is '2024-01-01'; write a"):
        list(read_raw_rows(path, MODEL, 4)[1])


@pytest.mark.parametrize("word", ["", "NA", "N/A", "NULL", "null", "NaN", "nan", "None", "<NA>", "#N/A"])
def test_words_for_missing_are_missing_among_numbers_and_among_texts(tmp_path, word):
    (tmp_path / "t.csv").write_text(f"a,city,b,y\n1,Oslo,{word},1.5\n2,NA,3,2.5\n{word},{word},4,3.5\n")
    trained = read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "processed"))
    np.testing.assert_array_equal(trained.rows.x[:, [0, 2]], [[1, np.nan], [2, 3], [np.nan, 4]])
    assert trained.spec.categories == {"city": ("Oslo",)}
    assert trained.rows.x[:, 1].tolist() == [0, -1, -1]
    rows = np.concatenate(list(read_raw_rows(tmp_path / "t.csv", trained.spec, 4)[1]))
    np.testing.assert_array_equal(rows, trained.rows.x)


def test_a_word_for_missing_is_not_what_keeps_a_column_from_being_numbers(tmp_path):
    (tmp_path / "t.csv").write_text("a,y\nNA,0.5\n" + "".join(f"{row},{row}.5\n" for row in range(1, 30)) + "?,1.5\n")
    with pytest.raises(UserError, match=r"column a: 29 of 30 values are numbers, row 30 is '\?'; empty that cell"):
        read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "processed"))
