"""Tables that are easily read as something else: what is certain is refused, the rest is named in a warning."""

import json
import re
import subprocess

import pytest

from trainhouse.arrays.texts import same_answers
from trainhouse.configuration.errors import UserError
from trainhouse.tables.read_table import read_table
from trainhouse.tests.test_csv_form import trained, written

ROWS = [f"{'red' if row % 3 else 'blue'},{row + 0.5},{row % 7},{2 * row + 0.25}" for row in range(30)]
HEADER = "c,a,b,y"
ALIGNED = "c     a    b  y\n" + "".join(f"{row.replace(',', '    ')}\n" for row in ROWS)
DRAWN = "| c | a | b | y |\n|---|---|---|---|\n" + "".join(f"| {row.replace(',', ' | ')} |\n" for row in ROWS)
UNITS = "row 0 ('cm', 'kg', 'EUR') has text where all rows below have numbers: a second line of the header"


def table(*more: str, rows: list[str] = ROWS, header: str = HEADER) -> str:
    return "\n".join([header, *rows, *more, ""])


REFUSED = {
    "a total": (table("Total,,,877.5"), "row 30 'Total' is the sum of the rows above it (column y); delete it"),
    "a total without a word": (
        table(",450,,877.5"),
        "row 30 is the sum of the rows above it (columns a, y); delete it",
    ),
    "a sum of all": (table("x,450,85,877.5"), "row 30 is the sum of the rows above it (columns a, b, y); delete it"),
    "units": (table(rows=["red,cm,kg,EUR", *ROWS]), UNITS.replace("('cm'", "('red', 'cm'")),
    "two headers": (
        table(header="what,size,,money", rows=["c,a,b,y", *ROWS]),
        "its header has two lines ('what', 'size', '', 'money' above 'c', 'a', 'b', 'y'); make one of them, or set "
        "data.skip_rows=1, which leaves the first line out",
    ),
    "aligned": (ALIGNED, "its columns are separated by spaces ('c     a    b  y'); put tabs between them: awk"),
    "spaces": (table().replace(",", " "), "its columns are separated by spaces ('c a b y'); set data.separator=' '"),
    "Markdown": (DRAWN, "is drawn with lines, as tables in Markdown are; save it as CSV: sed"),
    "HTML": ("<html><table>\n<tr><td>a</td></tr>\n", "is HTML or XML, no table of text"),
    "JSON": ('[{"a": 1, "y": 2}]\n', "is JSON; write an object in each line, and call it .jsonl"),
    "answers": (
        "a,y\n" + "1.5,True\n2.5,1\n3.5,False\n" * 9,
        "'1' and 'True' may say the same; write it in one way, or set data.task=classification to have classes of",
    ),
}


@pytest.mark.parametrize(("content", "says"), REFUSED.values(), ids=REFUSED)
def test_what_is_certainly_misread_is_refused_in_one_line_with_what_to_do(tmp_path, content, says):
    with pytest.raises(UserError) as error:
        trained(written(tmp_path / "t.csv", content))
    assert says in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("content", [ALIGNED, DRAWN])
def test_the_command_that_mends_a_layout_can_be_run(tmp_path, content):
    path = written(tmp_path / "my table.csv", content)
    with pytest.raises(UserError) as error:
        trained(path)
    command, made = re.search("((?:awk|sed) .*) > (.*)", str(error.value)).groups()
    made = written(tmp_path / made, subprocess.run(command, shell=True, check=True, stdout=subprocess.PIPE).stdout)
    assert trained(made).rows.x.shape == (30, 3)


WARNED = {
    "an average": (table("Mean,15,3,29.25"), "row 30 'Mean' may be a total or an average of those above (by its text)"),
    "two small sums": (
        "pregnancies,claims,y\n0,1,1.5\n1,0,2.5\n0,0,3.5\n1,1,4.5\n0,0,5.5\n0,0,6.5\n2,2,7.5\n",
        "row 6 may be a total or an average of those above (its pregnancies, claims is the sum of those above)",
    ),
    "a lonely amount": (table(",,,30.0"), "row 30 lacks c, a, b, which all others have: a total or a note"),
    "a comment": (table("# the end,1,2,3.5"), "column c: '# the end' looks like a comment, but its row is one"),
    "days": (
        table(header="c,day,b,y", rows=[f"red,202401{row + 1:02},{row % 7},{row}.5" for row in reversed(range(30))]),
        "column day: its numbers are days (20240101 to 20240130), but read as amounts; 'data.columns={day: {date: ",
    ),
    "a number for missing ones": (
        table("red,-999,1,2.5", "red,-999,2,3.5"),
        "column a: 2 rows have -999, far from all others: missing? 'data.na_values=[-999]' empties them, in every",
    ),
    "a number for missing labels": (table("red,3,1,-99", "red,5,2,-99"), "column y: 2 rows have -99, far from all"),
    "months": (
        table(rows=[f"2024-0{row % 4 + 1},{row % 5},1,{row}.5" for row in range(30)]),
        "column c: its 4 texts are months ('2024-01'), but texts have no order; 'data.columns={c: {date: \"%Y-%m\"}}'",
    ),
    "languages": (
        table(rows=[f"{('ja', 'yes', 'no', 'nein')[row % 4]},{row}.5,{row % 7},{row}.25" for row in range(30)]),
        "column c: 'ja' and 'yes', 'nein' and 'no' may say the same, but are categories of their own",
    ),
}


@pytest.mark.parametrize(("content", "says"), WARNED.values(), ids=WARNED)
def test_what_is_perhaps_misread_is_named_in_a_warning(tmp_path, caplog, content, says):
    trained(written(tmp_path / "t.csv", content))
    assert says in caplog.text


def test_a_plain_table_has_none_of_these_warnings(tmp_path, caplog):
    rows = ["# 2,1,2,3.5", "# 2,2,2,3.5", *ROWS, "media,9,3,600.5", "Total Recall,9,3,600.5"]  # large, but no sums
    trained(written(tmp_path / "t.csv", table(rows=rows)))
    assert not caplog.records


def test_a_total_is_refused_in_training_rows_only_and_if_it_is_one_of_used_columns(tmp_path, caplog):
    path = written(tmp_path / "t.csv", table("x,450,85,877.5"))
    spec = trained(path, drop=["a"]).spec
    assert "row 30 may be a total" in caplog.text
    caplog.clear()
    own = written(tmp_path / "own.csv", table("Total,450,85,877.5"))
    trained(own, like=spec)
    assert "row 30 'Total' may be a total" in caplog.text


def test_what_is_said_of_columns_and_missing_words_goes_before_what_they_look_like(tmp_path, caplog):
    rows = [f"{row % 4},{row}.5,{row % 7},{row}.25" for row in range(30)]
    unknown = written(tmp_path / "t.csv", table(rows=["1,none,none,4.5", *rows, "2,-999,1,2.5", "1,-999,2,3.5"]))
    trained(unknown, na_values=["none"], columns={"a": "number"})
    assert not caplog.records


@pytest.mark.parametrize(
    "texts", ["Y T N", "yes no often", "no ja si ne", "no ja si nee", "on off no", "ja yes", "1 True"]
)
def test_letters_codes_and_words_of_which_some_have_no_other_are_no_answers(texts):
    assert same_answers(texts.split()) == []


def test_answers_that_are_easily_mixed_are_found():
    assert same_answers(["Y", "yes", "0", "no"]) == [("Y", "yes"), ("0", "no")]
    assert same_answers(["ja", "no", "Yes", "nein"]) == [("ja", "Yes"), ("no", "nein")]
    assert same_answers(["1", "y", "n", "0"]) == [("1", "y"), ("n", "0")]


SIZES = [f"{row % 5}XL,{row % 9}-{row % 9 + 6},{row % 7}st,{row % 3} of 3,{row}.5" for row in range(30)]
READ = {
    "no numbers": (table(rows=["Basic,Under 18,none yet,no,", *SIZES], header="s,age,place,part,y"), {}),
    "dashes for missing cells": (table(rows=["--,--,--,2.5", *ROWS]).replace(",", "|"), {"na_values": ["--"]}),
    "dropped and categories": (table(rows=["red,cm,kg,", *ROWS]), {"drop": ["a"], "columns": {"b": "category"}}),
}


@pytest.mark.parametrize(("content", "keys"), READ.values(), ids=READ)
def test_what_only_looks_like_a_slip_is_read(tmp_path, content, keys):
    assert len(trained(written(tmp_path / "t.csv", content), unlabelled="drop", **keys).rows.x)


@pytest.mark.parametrize("among", ["only", "numbers", "texts"])
def test_lists_and_objects_of_json_are_left_out_or_refused_whatever_else_is_among_them(tmp_path, among):
    other = {"only": [1], "numbers": 3, "texts": "x"}[among]
    lines = [{"a": row + 0.5, "l": {"b": [row]} if row % 2 else other, "y": row + 0.5} for row in range(30)]
    path = written(tmp_path / "t.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(UserError, match=r"column l holds lists or objects; leave it out with data\.drop=\[l\]"):
        trained(path)
    with pytest.raises(UserError, match="column l: holds lists or objects, which are no labels"):
        read_table(str(path), "l", str(tmp_path / "processed"), task="classification")
    with pytest.raises(UserError, match="column l holds lists or objects; write a number or a string there"):
        trained(path, id_columns=["l"])
    assert trained(path, drop=["l"]).rows.x[:, 0].tolist() == [row + 0.5 for row in range(30)]
