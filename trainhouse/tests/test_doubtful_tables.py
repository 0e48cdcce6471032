"""Tables as public data sets have them: what is no table, not one yet, or may be read in two ways is said."""

import subprocess
import zipfile

import pyarrow as pa
import pytest
from pyarrow import feather

from trainhouse.configuration.errors import UserError
from trainhouse.tables.read_table import read_table
from trainhouse.tests.test_csv_form import trained, written
from trainhouse.tests.test_misread_tables import ALIGNED
from trainhouse.tests.workbook import workbook

ROWS = range(30)


def column(cells, name="c"):
    """A table with such a column beside another one."""
    lines = [f"{row + 0.5},{cell},{'ab'[row % 2]}" for row, cell in enumerate(cells)]
    return "\n".join([f"x,{name},y", *lines, ""])


def labels(cells):
    return "\n".join(["x,y", *(f"{row + 0.5},{cell}" for row, cell in enumerate(cells)), ""])


def mixed(*some):
    """30 whole numbers but for every fourth, which is one of some texts."""
    return [some[row // 4 % len(some)] if row % 4 == 0 else row % 9 for row in ROWS]


REFUSED = {
    "PNG": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "is no text, but a PNG picture$"),
    "SQLite": (b"SQLite format 3\0" + bytes(200), "is no text, but a database of SQLite: export the table as CSV$"),
    "tar": (b"t.csv".ljust(257, b"\0") + b"ustar\0" + bytes(900), "is no text, but a tar archive: unpack it$"),
    "bytes": (bytes(range(250, 0, -1)) * 9, "is no text, by its bytes; save its table as CSV or parquet"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "a pointer of Git LFS"),
    "ARFF": ("% 1\n@relation a\n@data\n1,2\n", "is ARFF, of Weka; replace its lines up to @data by a line of names$"),
    "LibSVM": ("1 1:0.5 2:0.25\n0 1:0.5\n", "is sparse, as LibSVM writes it"),
    "rows": (
        "x,y\n" + "1,2,,3\n1,2\n1\n" * 9,
        r"18 problems:\n  rows 0, 3, 6, 9, 12 and 4 more have 4 cells, but the header has 2\n  rows 2, 5, 8, 11, 14 and"
        r" 4 more have 1 cell, but the header has 2$",
    ),
    "a cell behind": (
        "x,y\n" + "1,2,,\n" * 201 + "1,2,,7\n",
        "row 201 has '7' behind the last column with a name; put quotes around cells with a separator in them",
    ),
    "a cell behind one of the first rows": (
        "x,y\n" + "1,2,,\n" * 5 + "1,2,,7\n" + "1,2,,\n" * 5,
        "row 5 has '7' behind the last column with a name; put quotes",
    ),
    "a cell behind one separator more": ("x,y\n" + "1,2,\n" * 5 + "1,2,7\n", "row 5 has '7' behind the last column"),
    "a comma within texts": ("x,c,y\n" + "u,v,a,\n" * 5 + "u,v,w,a\n", "row 5 has 'a' behind the last column"),
    "a row of another length": (
        "x,y\n" + "1,2,,\n" * 5 + "1,2,3,,\n" + "1,2,,\n" * 5,
        "row 5 has 5 cells, but the header has 2 and most rows have 4$",
    ),
    "another separator": ("x^y\n1^2\n", r"no column 'y'; its header is one name, 'x\^y': set data.separator='\^' if"),
    "another name": ("x,label\n1,2\n", "no column 'y'; it has 'x', 'label'$"),
    "several words": (
        column(mixed("-", "?")),
        r"""30 values are numbers, the other 8 are '-', '\?': missing ones\? set 'data.na_values=\["-", "\?"\]'""",
    ),
    "lakhs": (column([f'"1,{row + 10},000"' for row in ROWS]), r"write no separators of thousands \(110000\)"),
    "for Excel": (column([f'"=""{row % 9}"""' for row in ROWS]), """row 0 is '="0"'; write 0, or leave"""),
    "ids": (
        column([f"u{row}" for row in ROWS]),
        r"leave it out with data.drop=\[c\] \(data.id_columns=\[c\] carries it",
    ),
    "amounts": (column([f"{row}'1''" for row in ROWS]), "is no category; write plain numbers if it has amounts, leave"),
    "two ways of dates": (
        column([f"2024-01-{row + 1:02}" if row % 2 else f"{row + 1:02}/13/2024" for row in ROWS]),
        "column c: row 1 is '2024-01-02', not as '01/13/2024'; write all dates in one way",
    ),
    "three signs": (
        labels([row % 3 - 1 for row in ROWS]),
        r"the label in row 0 is -1, which is negative \(10 such rows",
    ),
    "no label": (labels(["a", "b", " "] * 10), "10 rows have no label in column y; the first is row 2"),
    "points": ("a;y\n80,5;1\n80.512;2\n", "80.512 may be 80512 .* beside decimal commas; set data.thousands='.' or wr"),
    "Central European": ("a,y\nŁódź,1\n".encode("iso8859-2"), "in which encoding it is isn't certain"),
}


@pytest.mark.parametrize(("content", "says"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_table_yet_says_what_it_is_and_the_key_of_the_file(tmp_path, content, says):
    with pytest.raises(UserError, match=f"^data.(file|target): .*{says}"):
        trained(written(tmp_path / "t.csv", content))


def test_packed_files_are_named_by_what_is_in_them_with_a_command_that_can_be_run(tmp_path):
    with pytest.raises(UserError, match="is no text, but a PNG picture"):
        trained(written(tmp_path / "t.csv.gz", REFUSED["PNG"][0]))
    (tmp_path / "t.csv.gz").write_text("x,y\n1,2\n")
    with pytest.raises(UserError, match="is not packed, though its name says so; call it t"):
        trained(tmp_path / "t.csv.gz")
    with pytest.raises(UserError, match="put tabs between them: gzip -dc ") as error:
        trained(written(tmp_path / "t.csv.gz", ALIGNED))
    command = str(error.value).partition("them: ")[2].partition(" > ")[0]
    made = subprocess.run(command, shell=True, check=True, stdout=subprocess.PIPE).stdout
    assert trained(written(tmp_path / "t.tsv", made)).rows.x.shape == (30, 3)


WARNED = {
    "numbers within texts": (
        column([f"{row % 11}-{row % 11 + 4}" for row in ROWS]),
        "texts begin with a number ('0-4'",
    ),
    "months by name": (column([f"{('Jan', 'Feb', 'Mar')[row % 3]}-20" for row in ROWS]), """{c: {date: "%b-%y"}}"""),
    "months": (
        column([2024 * 100 + row % 12 + 1 for row in ROWS]),
        "column c: its numbers are months (202401 to 202412)",
    ),
    "names": (
        column([row * 7 % 5 for row in ROWS], "shop_id"),
        "column shop_id: its 5 whole numbers are read as amounts",
    ),
    "a name for each row": (
        column([row * 7 % 31 + 900 for row in ROWS], "userId"),
        "column userId: each row has another whole number, read as an amount; an id? data.id_columns=[userId] leaves",
    ),
    "postcodes": (
        column([row * 7 % 5 for row in ROWS], "homePostCode"),
        "column homePostCode: its 5 whole numbers are read as amounts",
    ),
    "zip": (column([row * 7 % 5 for row in ROWS], "Zip"), "column Zip: its 5 whole numbers are read as amounts"),
    "units": (column([f"{row % 14} {('km/h', 'm/s')[row % 2]}" for row in ROWS]), "14 of its 14 texts begin with"),
    "years": (column(["< 1 year", "10+ years", *(f"{row % 9 + 1} years" for row in ROWS)]), "begin with a number ("),
    "zeros": (
        column([0 if row % 9 == 0 else 1950 + row for row in ROWS]),
        "4 rows have 0, far from all others: missing?",
    ),
    "minus one": (column([-1 if row % 9 == 0 else row * 5 for row in ROWS]), "4 rows have -1, the only ones below 0"),
    "a far day": (
        column(["9999-12-31" if row % 9 == 0 else f"2024-01-{row + 1:02}" for row in ROWS]),
        "4 rows have 9999-12-31, far from all others: missing?",
    ),
    "points behind classes": (
        labels(["low", "high", "low."] * 10),
        "'low' and 'low.' differ in points or quotes around",
    ),
    "a class that may be none": (
        labels(["low", "high", "nan"] * 10),
        """column y: 'nan' is a class; if it stands for a missing label, 'data.na_values=["nan"]' data.un""",
    ),
    "an encoding": (column(["Genève", "Bern"] * 15).encode("cp1252"), "latin-1 (cp1252) as in 'Genève' (if that is"),
}


@pytest.mark.parametrize(("content", "says"), WARNED.values(), ids=WARNED)
def test_what_may_mean_something_else_is_said(tmp_path, caplog, content, says):
    caplog.set_level("INFO")
    trained(written(tmp_path / "t.csv", content))
    assert says in caplog.text


PLAIN = {
    "a column that ends in post": column([row * 7 % 5 for row in ROWS], "words_per_post"),
    "degrees": column([row % 20 - 1 for row in ROWS]),
    "doses of a design": column([(0, 100, 110, 120)[row % 4] for row in ROWS]),
    "two sorts of rows": column([0 if row % 2 else 1950 + row for row in (*ROWS, 31)]),
    "house numbers": column([f"{row % 14}{'AB'[row % 2]}" for row in ROWS]),
    "codes": column([f"1{row % 14}-{'AB'[row % 2]}C" for row in ROWS]),
    "addresses of machines": column([f"10.0.0.{row % 15}" for row in ROWS]),
    "streets": column([f"{row % 15}th Ave" for row in ROWS]),
    "names of streets": column([f"{row % 15} {chr(65 + row % 15)}street" for row in ROWS]),
}


@pytest.mark.parametrize("content", PLAIN.values(), ids=PLAIN)
def test_what_is_plain_is_not_asked_about(tmp_path, caplog, content):
    trained(written(tmp_path / "t.csv", content))
    assert "column" not in caplog.text


def test_a_task_that_is_set_ends_the_question_about_a_target(tmp_path, caplog):
    path = written(tmp_path / "t.csv", labels([-999 if row % 9 == 0 else row + 0.25 for row in ROWS]))
    trained(path)
    assert "column y: 4 rows have -999, far from all others: missing?" in caplog.text
    assert "data.task keeps them, without this line" in caplog.text
    caplog.clear()
    assert trained(path, task="regression").rows.y[0] == -999
    assert "-999" not in caplog.text


def test_separators_behind_the_last_column_and_blank_texts_hold_nothing(tmp_path):
    path = written(tmp_path / "t.csv", "x,c,y\n" + "".join(f"{row}.5,{'r b'[row % 3]},{row}.25,,,\n" for row in ROWS))
    data = trained(path)
    assert (data.spec.columns, data.spec.categories) == (("x", "c"), {"c": ("b", "r")})
    assert data.rows.x[:3, 1].tolist() == [1, -1, 0]


def test_classes_that_were_asked_about_are_read_as_said(tmp_path):
    signs = written(tmp_path / "signs.csv", labels([row % 3 - 1 for row in ROWS]))
    data = trained(signs, task="classification")
    assert data.spec.classes == ("-1", "0", "1")
    assert trained(signs, like=data.spec).rows.y[:3].tolist() == [0, 1, 2]
    words = written(tmp_path / "t.csv", labels(["low", "high", "nan"] * 10))
    data = trained(words, na_values=["nan"], unlabelled="drop")
    assert (data.spec.classes, data.rows.y[:3].tolist()) == (("high", "low"), [1, 0, -1])


def test_labels_that_are_true_or_false_are_several_at_once(tmp_path):
    path = written(tmp_path / "t.csv", "x,a,b\n" + "".join(f"{row},{row % 2 == 0},{row % 3 == 0}\n" for row in ROWS))
    data = read_table(str(path), ["a", "b"], str(tmp_path / "kept"), task="multilabel", keep_index=True)
    assert data.rows.y[:4].tolist() == [[1, 1], [0, 0], [1, 0], [0, 1]]


def test_points_in_new_rows_alone_are_asked_about_unless_training_knew_them(tmp_path):
    for cell, is_known in (("1.280,5", True), ("280,5", False)):
        spec = trained(written(tmp_path / "t.csv", f"a;y\n80,25;1\n{cell};2\n")).spec
        new = written(tmp_path / "new.csv", "a;y\n80.512;1\n79.250;2\n")
        if is_known:
            assert trained(new, like=spec).rows.x.tolist() == [[80512], [79250]]
        else:
            with pytest.raises(UserError, match="may be 80512 "):
                trained(new, like=spec)


def test_numbers_that_are_categories_in_their_file_are_named(tmp_path, caplog):
    coded = pa.array([row % 3 for row in ROWS]).dictionary_encode()
    feather.write_feather(
        pa.table({"c": coded, "x": [row * 0.5 for row in ROWS], "y": ["a", "b"] * 15}), tmp_path / "t"
    )
    (tmp_path / "t").rename(tmp_path / "t.feather")
    trained(tmp_path / "t.feather")
    assert "column c: categories in its file, but read as numbers; if these are codes, set" in caplog.text


def test_hidden_rows_and_merged_cells_of_a_workbook_are_named(tmp_path, caplog):
    pytest.importorskip("python_calamine")
    caplog.set_level("INFO")
    workbook(tmp_path / "t.xlsx", s=[["c", "y"], *([f"g{row}" if row % 2 else None, row % 2] for row in range(40))])
    _rewrite(tmp_path / "t.xlsx", "</sheetData>", '</sheetData><mergeCells><mergeCell ref="A3:A4"/></mergeCells>')
    trained(tmp_path / "t.xlsx", columns={"c": "category"})
    assert "read as: merged cells (A3:A4) have their value in the first row only" in caplog.text


def _rewrite(path, old, new):
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name).decode() for name in book.namelist()}
    with zipfile.ZipFile(path, "w") as book:
        for name, text in parts.items():
            book.writestr(name, text.replace(old, new))
