"""Text files as they come: line ends within cells, cells of any size, types that show late, and all that is wrong."""

import re

import numpy as np
import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.tables.raw_rows import read_raw_rows
from trainhouse.tests.test_csv_form import MODEL, predicted, trained, written

MANY = 40_000  # rows of more than one block of 1 MiB


def rows_of(count, cell="first"):
    return "".join(f'"{cell}",{row}.5,{row % 2}\n' for row in range(count))


def test_line_ends_within_quotes_are_part_of_a_cell_beyond_a_block(tmp_path):
    path = written(tmp_path / "t.csv", "note,b,y\n" + rows_of(MANY, "first\nsecond, line\n7"))
    data = trained(path)
    assert data.rows.x.shape == (MANY, 2)
    assert data.rows.x[-1, 1] == np.float32(MANY - 0.5)
    rows = [len(block) for block in read_raw_rows(path, data.spec, 10_000)[1]]
    assert sum(rows) == MANY


def test_a_cell_may_be_larger_than_a_block(tmp_path):
    path = written(tmp_path / "t.csv", "a,note,b,y\n1,x,2,0\n" + f"3,{'x' * 3 * 2**20},4,1\n" + "5,x,6,0\n")
    assert trained(path, drop=["note"]).rows.x.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert predicted(path).tolist() == [[1, 2], [3, 4], [5, 6]]


LATE = {
    "a fraction": ("7", "7.5", [7, 7.5]),
    "nothing before": ("", "7.5", [np.nan, 7.5]),
    "a decimal comma": ("7", '"7,5"', [7, 7.5]),
    "a separator of thousands": ('"7,504"', '"1,007,504"', [7504, 1007504]),
}


@pytest.mark.parametrize(("early", "late", "numbers"), LATE.values(), ids=LATE)
def test_what_a_column_is_follows_from_all_of_it(tmp_path, early, late, numbers):
    path = written(tmp_path / "t.csv", "a,n,y\n" + f"{early},12345678901,0\n{early},2,1\n" * MANY + f"{late},5,1\n")
    data = trained(path, drop=["n"])
    assert data.spec.columns == ("a",)
    np.testing.assert_array_equal(data.rows.x[[0, -1], 0], np.float32(numbers))


def test_a_text_far_behind_is_refused_as_one_in_front(tmp_path):
    for place in (3, 2 * MANY):
        lines = ["a,n,y\n", *("7,12345678901,0\n", "8,2,1\n") * MANY, "9,5,1\n"]
        lines[place] = "x%,5,1\n"
        path = written(tmp_path / "t.csv", "".join(lines))
        with pytest.raises(
            UserError, match=rf"column a: {2 * MANY} of {2 * MANY + 1} values .*, row {place - 1} is 'x%'"
        ):
            trained(path, drop=["n"])


def test_an_encoding_may_show_late(tmp_path):
    text = "city,b,y\n" + rows_of(MANY, "first" * 4) + "Genève,1,1\n"
    for encoding in ("utf-8", "latin-1"):
        path = written(tmp_path / "t.csv", text, encoding)
        assert trained(path).spec.categories == {"city": ("Genève", "first" * 4)}


WRONG = {
    "rows": ("a,b,y\n1,2,3\n4,5\n6,7,8,9\n", "2 problems:\n  row 1 has 2 cells, but the header has 3\n  row 2 .*"),
    "a row": ("a,b,y\n1,2,3\n\n4,5\n", "t.csv: row 1 has 2 cells, but the header has 3"),
    "an open quote": ('a,b,y\n1,2,"3\n4,5,6\n', "t.csv: row 0, column y: a quote is opened that is never closed"),
    "an open quote within": ('a,b,y\n1,"2,3\n4,5,6\n', "t.csv: row 0: a quote is opened that is never closed"),
    "a header alone": ("a,b,y\n", "t.csv has no rows"),
    "a header without its end": ("a,b,y", "t.csv has no rows"),
    "names twice": ("a,a,b,y\n1,2,3,4\n", "t.csv has two columns 'a'; rename one, or take it out"),
    "a comment": ("# of 2024\na,b,y\n1,2,3\n", "'# of 2024'.* line 2 may be one; set data.skip_rows=1, .*"),
    "a title": ("Sales;;\n;;\na;b;y\n1;2;3\n4;5;6\n", "line 3 may be one; set data.skip_rows=2, .*"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "says"), WRONG.values(), ids=WRONG)
def test_a_file_that_is_no_table_is_named_with_all_that_is_wrong(tmp_path, content, says):
    path = written(tmp_path / "t.csv", content)
    with pytest.raises(UserError, match=f"(?s)^data.file: .*{says}$"):
        trained(path)


def test_inference_and_evaluation_name_all_cells_at_once_but_not_more_than_ten(tmp_path):
    path = written(tmp_path / "t.csv", "a,b,y\n1,2,3\nx,5%,4\n5,y,6\n")
    lines = [
        "column a: row 1 is 'x'; write a number, or empty that cell",
        "column b: row 1 is '5%'; write no % (5)",
        "column b: row 2 is 'y'; write a number, or empty that cell",
    ]
    for key, read in (("input", lambda: predicted(path)), ("data.file", lambda: trained(path, like=MODEL))):
        with pytest.raises(UserError) as error:
            read()
        assert str(error.value).splitlines() == [f"{key}: {path}: 3 problems:", *(f"  {line}" for line in lines)]
    path = written(tmp_path / "t.csv", "a,b\n" + "?,1\n" * 30 + "1,!\n")
    with pytest.raises(UserError) as error:
        predicted(path)
    found = str(error.value).splitlines()
    assert len(found) == 12
    assert found[2].startswith("  column b: row 30 is '!'")
    assert found[-1] == "  and 21 more"


def test_training_names_all_columns_at_once(tmp_path):
    cells = "".join(f"{row}%,{'?' if row == 7 else row},{row % 3}.5,{row}.5\n" for row in range(40))
    path = written(tmp_path / "t.csv", "a,b,c,y\n" + cells)
    with pytest.raises(UserError) as error:
        trained(path)
    found = str(error.value).splitlines()
    assert found[0] == f"data.file: {path}: 2 problems:"
    assert re.match(r"  column a: 40 of 40 values are numbers, row 0 is '0%'; ", found[1])
    assert re.match(r"  column b: 39 of 40 values are numbers, row 7 is '\?'; ", found[2])


def test_empty_columns_behind_the_last_name_are_none(tmp_path):
    path = written(tmp_path / "t.csv", "a;b;y;;\n1;2;3.5;;\n4;;6.5;;\n")
    data = trained(path)
    assert data.spec.columns == ("a", "b")
    np.testing.assert_array_equal(predicted(path, data.spec), [[1, 2], [4, np.nan]])
