"""What stands for a missing value is one list, for numbers and text, in training and inference; it can be changed."""

import logging

import numpy as np
import pytest

from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.errors import UserError
from trainhouse.tables.raw_rows import read_raw_rows
from trainhouse.tables.read_table import read_table

ROWS = [("1", "Oslo"), ("?", "NA"), ("-999", "?"), ("4", "Lyon"), ("NA", " None ")] * 10
NAN = float("nan")


@pytest.fixture
def read(tmp_path):
    def from_rows(rows=ROWS, **arguments):
        lines = "".join(f"{a},{city},{row % 2}\n" for row, (a, city) in enumerate(rows))
        (tmp_path / "t.csv").write_text(f"a,city,y\n{lines}")
        return read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "processed"), **arguments)

    return from_rows


@pytest.mark.parametrize(
    ("na_values", "a", "city", "texts"),
    [
        (["?"], [1, NAN, -999, 4, NAN], [1, -1, -1, 0, -1], ("Lyon", "Oslo")),
        (["?", -999], [1, NAN, NAN, 4, NAN], [1, -1, -1, 0, -1], ("Lyon", "Oslo")),
        ({"add": ["?"], "keep": ["NA"]}, [1, NAN, -999, 4, NAN], [2, 1, -1, 0, -1], ("Lyon", "NA", "Oslo")),
    ],
)
def test_words_are_missing_in_both_kinds_of_columns_at_all_times(read, tmp_path, na_values, a, city, texts):
    data = read(na_values=na_values)
    assert data.spec.categories == {"city": texts}
    again = read(like=DataSpec.from_dict(data.spec.to_dict())).rows.x
    streamed = np.concatenate(list(read_raw_rows(tmp_path / "t.csv", data.spec, 7)[1]))
    for x in (data.rows.x, again, streamed):
        np.testing.assert_array_equal(x, np.column_stack([a * 10, city * 10]))


def test_texts_that_are_taken_as_missing_are_counted_in_one_line(read, caplog):
    with caplog.at_level(logging.INFO):
        read([("1", "Oslo"), ("2", "NA"), ("3", "Lyon")] * 9)
    (line,) = caplog.messages
    assert line.endswith(
        "column city: 9 cells read as missing: 'NA' (9); 'data.na_values={keep: [NA]}' has them as texts"
    )


def test_a_model_of_an_older_version_reads_texts_as_it_did(read, tmp_path):
    spec = DataSpec("classification", (2,), "float32", 2, ("0", "1"), ("y",), ("a", "city"), {"city": ("NA", "Oslo")})
    values = {key: one for key, one in spec.to_dict().items() if key not in ("missing_words", "dates", "grouped")}
    older = DataSpec.from_dict(values)
    x = read([("1", "NA"), ("2", "Oslo")] * 5, like=older).rows.x
    assert x[:2, 1].tolist() == [0, 1]
    np.testing.assert_array_equal(next(iter(read_raw_rows(tmp_path / "t.csv", older, 64)[1])), x)


@pytest.mark.parametrize("share", [2, 5])
def test_numbers_with_one_repeated_text_are_asked_about(read, share):
    rows = [("?" if row % share == 0 else str(row % 12), "Oslo") for row in range(100)]
    with pytest.raises(UserError) as error:
        read(rows)
    count = 100 // share
    assert str(error.value).endswith(
        f"column a: {100 - count} of 100 values are numbers, the other {count} are '?': missing ones? set "
        "'data.na_values=[\"?\"]'; or categories? set 'data.columns={a: category}'"
    )
    assert np.isnan(read(rows, na_values=["?"]).rows.x[:, 0]).sum() == count
    assert "?" in read(rows, columns={"a": "category"}).spec.categories["a"]


def test_labels_keep_the_usual_words_but_not_those_that_are_added(tmp_path):
    (tmp_path / "t.csv").write_text("a,y\n" + "1,None\n2,Mild\n3,Bad\n4,None\n" * 5)
    arguments = (str(tmp_path / "t.csv"), "y", str(tmp_path / "processed"))
    assert read_table(*arguments).spec.classes == ("Bad", "Mild", "None")
    with pytest.raises(UserError, match="5 rows have no label in column y; the first is row 1"):
        read_table(*arguments, na_values=["Mild"])


@pytest.mark.parametrize(
    ("na_values", "message"),
    [
        ({"ad": ["?"]}, "expected add and keep, got 'ad'; did you mean 'add'"),
        ({"add": "?"}, "expected a list of words in add"),
        ({"add": ["?"], "keep": ["?"]}, "'[?]' is in add and in keep"),
    ],
)
def test_what_na_values_can_not_be_is_named(read, na_values, message):
    with pytest.raises(UserError, match=rf"^data\.na_values: {message}"):
        read(na_values=na_values)
