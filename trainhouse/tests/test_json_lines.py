"""JSON lines are read in blocks by pyarrow, or value by value: what a cell is says the file, not the way it is read."""

import json

import pyarrow as pa
import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.tables import json_lines
from trainhouse.tables.source import open_table, read_all

PLAIN = [{"n": row, "x": row / 4, "t": "a", "b": row % 2 == 0, "day": f"2024-01-{row + 10}"} for row in range(8)]
INT, FLOAT, TEXT = pa.int64(), pa.float64(), pa.string()


def read(path, rows):
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    table = open_table(path, "data.file")
    return read_all(table, table.names, {})


def kinds(table):
    return {field.name: field.type for field in table.schema}


@pytest.fixture(params=[2**22, 40], ids=["one block", "many blocks"])
def block(request, monkeypatch):
    monkeypatch.setattr(json_lines, "_BLOCK", request.param)
    monkeypatch.setattr(
        json_lines.TextStream, "read", lambda self, size, read=json_lines.TextStream.read: read(self, min(size, 40))
    )


# Each: rows of one key, the type of its column, and its cells.
VALUES = {
    "lacking and null": (['{"a": 1}', "{}", '{"a": null}', '{"a": 4}'], INT, [1, None, None, 4]),
    "only lacking": (["{}", "{}", '{"a": 5}'], INT, [None, None, 5]),
    "whole and not": (['{"a": 1}', '{"a": 2.5}'], FLOAT, [1.0, 2.5]),
    "large and not": (['{"a": 9007199254740993}', '{"a": 2.5}'], FLOAT, [9007199254740992.0, 2.5]),
    "very large": (['{"a": 1}', '{"a": 123456789012345678901}'], TEXT, ["1", "123456789012345678901"]),
    "larger than any": (['{"a": 1.5}', '{"a": 1e400}'], FLOAT, [1.5, float("inf")]),
    "strings of digits": (['{"a": "007"}', '{"a": "7"}'], TEXT, ["007", "7"]),
    "numbers and strings": (['{"a": 1.0}', '{"a": 2}', '{"a": "2"}', '{"a": 1e3}'], TEXT, ["1.0", "2", "2", "1000.0"]),
    "truth and numbers": (['{"a": true}', '{"a": 1}'], TEXT, ["True", "1"]),
    "dates": (['{"a": "2024-01-31"}', '{"a": "soon"}'], TEXT, ["2024-01-31", "soon"]),
    "dates and numbers": (['{"a": "2024-01-31"}', '{"a": 3}'], TEXT, ["2024-01-31", "3"]),
    "blank lines": (['{"a": 1}', "", "  ", '{"a": 2}'], INT, [1, 2]),
    "escaped": (['{"\\u0061": "\\ud83d\\ude00"}'], TEXT, ["\U0001f600"]),
}


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize(("lines", "kind", "cells"), VALUES.values(), ids=VALUES)
def test_cells_are_as_the_file_writes_them_whatever_else_is_in_their_block(tmp_path, lines, kind, cells):
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(lines))
    table = open_table(path, "data.file")
    as_text = pa.types.is_string(kind)
    found = read_all(table, ["a"], {"a": TEXT} if as_text else {})
    assert found.column("a").to_pylist() == cells
    if not as_text:
        assert kinds(found) == {"a": kind}


@pytest.mark.usefixtures("block")
def test_columns_stand_in_the_order_in_which_the_file_has_them_first(tmp_path):
    found = read(tmp_path / "t.jsonl", [*PLAIN, {"z": 1, "day": "x"}, {"a": {"b": 1}}, {"a": None}])
    assert kinds(found) == {"n": INT, "x": FLOAT, "t": TEXT, "b": TEXT, "day": TEXT, "z": INT, "a": pa.large_binary()}
    assert found.column("b").to_pylist()[:2] == ["True", "False"]
    assert found.column("a").null_count == found.num_rows  # of lists and objects only the type counts: they are refused


WRONG = {
    "a key twice": ('{"a": 1, "b": 2, "a": 3}', "line 3 has the key 'a' twice; take one out"),
    "a key twice in a value": ('{"a": {"b": 1, "b": 1}}', "line 3 has the key 'b' twice"),
    "two objects": ('{"a": 1}{"a": 2}', "line 3 is no JSON"),
    "over lines": ('{"a":\n1}', "line 3 is no JSON"),
    "no object": ("[1]", "line 3 is no object, as .*, but \\[1\\]"),
    "half a character": ('{"a": "\\ud800"}', "line 3 is no JSON .*surrogates"),
    "too many digits": ('{"a": ' + "9" * 40 + "}", "line 3 is no JSON .a whole number of 40 digits; write a string"),
    "deep": ('{"a": ' + "[" * 200_000 + "]" * 200_000 + "}", "line 3 is no JSON .*recursion"),
}


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize(("line", "says"), WRONG.values(), ids=WRONG)
def test_what_is_no_row_is_named_by_its_line(tmp_path, line, says):
    with pytest.raises(UserError, match=rf"^data\.file: .*t\.jsonl: {says}"):
        read(tmp_path / "t.jsonl", ['{"a": 1}', "", line, '{"a": 2}'])


def test_whole_numbers_that_lose_digits_are_no_ids(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"id": 9007199254740993}\n{"id": 0.5}\n')
    table = open_table(path, "data.file")
    with pytest.raises(UserError, match=r"column id: whole numbers beyond 2\^53 beside fractions lose digits"):
        read_all(table, ["id"], {"id": pa.string()})
    path.write_text('{"id": 9007199254740993}\n{"id": 5}\n')
    assert read_all(open_table(path, "data.file"), ["id"], {"id": pa.string()})["id"][0].as_py() == "9007199254740993"
