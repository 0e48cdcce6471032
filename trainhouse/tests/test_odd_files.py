"""Files as people have them, a test for each kind: read right, or refused in a line that says what to do."""

import gzip
import zipfile
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from trainhouse.configuration.errors import UserError
from trainhouse.tables.raw_rows import read_raw_rows
from trainhouse.tables.read_table import read_table

ROWS = 40
A = [row * 37 % 101 / 10 for row in range(ROWS)]
CELLS = {
    "spaces in thousands": (lambda row: f"{row % 9 + 1} 500", r"may be 1500 \(set \"data.thousands=' '\"\) or"),
    "a currency's letters": (lambda row: f"{row}.50 USD", r"write no USD \(0\.50\)"),
    "a day that is none": (lambda row: f"2024-02-{row % 30 + 1:02}", "row 29 is '2024-02-30'"),
    "zeros for a date": (lambda row: "0000-00-00" if row == 5 else f"2024-02-{row % 9 + 1:02}", "row 5 is .0000"),
    "some with a zone": (
        lambda row: f"2024-01-{row % 28 + 1:02}T10:00:00{'Z' * (row % 2)}",
        r"some times have a zone \('2024-01-02T10:00:00Z'\), others have none \('2024-01-01T10:00:00'\)",
    ),
    "a zone's name": (lambda row: f"2024-01-{row % 20 + 1:02} 10:00:00 CET", "looks like dates .* not recognised"),
    "hours of a duration": (lambda row: f"{row % 30}:30", r"times of day or durations \('24:30'\); write .* as 09:30"),
    "many that are no dates": (lambda row: "never" if row % 3 else f"2024-01-{row % 28 + 1:02}", None),
    "yes and no": (lambda row: "JN"[row % 2], None),
    "hexadecimal": (lambda row: f"0x{row % 3 + 14:X}", None),
}  # fmt: skip


@pytest.mark.parametrize("kind", CELLS)
def test_cells(kind, tmp_path):
    cell, says = CELLS[kind]
    lines = [f"{A[row]},{cell(row)},{row % 2}" for row in range(ROWS)]
    (tmp_path / "t.csv").write_text("\n".join(["a,c,y", *lines]) + "\n")

    def read():
        return read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "kept"))

    if says is None:
        assert read().spec.categories == {"c": tuple(sorted({cell(row) for row in range(ROWS)}))}
    else:
        with pytest.raises(UserError, match=f"column c:? ?.*{says}"):
            read()


TOLD = {
    "a unit in each cell": (lambda row: f"{row % 9}.5 kg", "column c: each of its 9 texts is a number of 'kg'"),
    "spaces without width": (lambda row: "ab" + "\u200b" * (row % 2), r"'ab' and 'ab\u200b' differ in case or spaces"),
    "spaces within": (lambda row: "a b" if row % 2 else "a\u00a0b", r"'a b' and 'a\xa0b' differ in case or spaces"),
}


@pytest.mark.parametrize("kind", TOLD)
def test_cells_that_are_texts_but_may_mean_more_are_named(kind, tmp_path, caplog):
    cell, says = TOLD[kind]
    lines = [f"{A[row]},{cell(row)},{row % 2}" for row in range(ROWS)]
    (tmp_path / "t.csv").write_text("\n".join(["a,c,y", *lines]) + "\n")
    read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "kept"))
    assert says in caplog.text


def test_numbers_that_json_has_as_strings_are_named_until_it_is_said_what_they_are(tmp_path, caplog):
    lines = [f'{{"a": "{a}", "y": {row % 2}}}\n' for row, a in enumerate(A)]
    (tmp_path / "t.jsonl").write_text("".join(lines) * 2)
    for said, told in ((None, True), ("category", False), ("number", False)):
        caplog.clear()
        columns = said and {"a": said}
        data = read_table(str(tmp_path / "t.jsonl"), "y", str(tmp_path / "kept"), columns=columns)
        assert ("column a: its 40 texts are numbers" in caplog.text) is told
    np.testing.assert_allclose(data.rows.x[:, 0], A * 2, rtol=1e-6)


def test_a_header_that_comes_again_and_one_that_is_a_row_are_named(tmp_path, caplog):
    lines = [f"{a},{row % 2}" for row, a in enumerate(A)]
    (tmp_path / "t.csv").write_text("\n".join(["a,y", *lines, "a,y", *lines, "a,y"]) + "\n")
    with pytest.raises(UserError, match=r"t\.csv: row 40 is the header again, and 1 more are; delete such rows$"):
        read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "kept"))
    (tmp_path / "t.csv").write_text("\n".join(["3.7,1", *lines]) + "\n")
    read_table(str(tmp_path / "t.csv"), "1", str(tmp_path / "kept"))
    assert "the first line, '3.7, 1', is taken for the header; if it is a row, it is lost" in caplog.text


def test_numbers_between_spaces_that_are_not_ascii_are_numbers(tmp_path):
    lines = [f"\u00a0{a}\u2003,\u00a0{row}\u00a0,{row % 2}" for row, a in enumerate(A)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    data = read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "kept"), keep_index=True)
    np.testing.assert_allclose(data.rows.x, [[a, row] for row, a in enumerate(A)], rtol=1e-6)
    new = np.concatenate(list(read_raw_rows(tmp_path / "t.csv", data.spec, 8)[1]))
    np.testing.assert_array_equal(new, data.rows.x)


def test_spaces_separate_thousands_where_it_is_said(tmp_path):
    lines = [f"{row % 9 + 1} {row:03},{row % 2}" for row in range(ROWS)]
    (tmp_path / "t.csv").write_text("\n".join(["c,y", *lines]) + "\n")
    data = read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "kept"), thousands=" ")
    assert data.rows.x[:, 0].tolist() == [(row % 9 + 1) * 1000 + row for row in range(ROWS)]


def test_a_file_by_another_name_says_what_it_is(tmp_path):
    text = "a,y\n" + "".join(f"{a},{row % 2}\n" for row, a in enumerate(A))
    (tmp_path / "packed.csv").write_bytes(gzip.compress(text.encode()))
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("t.csv", text)
    (tmp_path / "zip.csv").write_bytes((tmp_path / "t.zip").read_bytes())
    table = pa.table({"a": A, "y": [row % 2 for row in range(ROWS)]})
    parquet.write_table(table, tmp_path / "parquet.csv")
    for name, says in (
        ("packed.csv", "is no text, but packed with gzip: call it .csv.gz"),
        ("zip.csv", "is no text, but a zip archive or a workbook: unpack it"),
        ("t.zip", "t.zip is an archive; unpack it"),
        ("parquet.csv", "is no text, but parquet: call it .parquet"),
    ):
        with pytest.raises(UserError, match=says):
            read_table(str(tmp_path / name), "y", str(tmp_path / "kept"))
    (tmp_path / "two.csv.gz").write_bytes(gzip.compress(text[:50].encode()) + gzip.compress(text[50:].encode()))
    assert len(read_table(str(tmp_path / "two.csv.gz"), "y", str(tmp_path / "kept")).rows.y) == ROWS


def test_decimals_have_all_their_digits(tmp_path):
    def write(scale, number):
        cells = pa.array([number(row) for row in range(ROWS)], pa.decimal128(38, scale))
        table = pa.table({"a": A, "d": cells, "y": [row % 2 for row in range(ROWS)]})
        parquet.write_table(table, tmp_path / "t.parquet")

    write(2, lambda row: Decimal(f"{row * row}.25"))
    data = read_table(str(tmp_path / "t.parquet"), "y", str(tmp_path / "kept"))
    np.testing.assert_array_equal(data.rows.x[:, 1], np.arange(ROWS) ** 2 + 0.25)
    write(0, lambda row: Decimal(10**25 + row))
    with pytest.raises(UserError, match=r"column d holds whole numbers beyond 2\^53 that float64 can't tell apart"):
        read_table(str(tmp_path / "t.parquet"), "y", str(tmp_path / "kept"))


def test_rows_of_different_line_ends_and_empty_lines_are_one_table_and_counted(tmp_path):
    ends = ["\n", "\r\n", "\r"]
    lines = [f"{a},{row % 2}{ends[row % 3]}" for row, a in enumerate(A)]
    (tmp_path / "t.csv").write_bytes(("a,y\r\n" + "".join(lines)).encode())
    data = read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "kept"))
    np.testing.assert_allclose(data.rows.x[:, 0], A, rtol=1e-6)


def test_whole_numbers_of_json_beyond_64_bits_are_refused_by_name(tmp_path):
    lines = [f'{{"a": {10**25 + row * 37 % 11}, "y": {row % 2}}}' for row in range(ROWS)]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    with pytest.raises(UserError, match=r"column a holds whole numbers beyond 2\^53"):
        read_table(str(tmp_path / "t.jsonl"), "y", str(tmp_path / "kept"))
