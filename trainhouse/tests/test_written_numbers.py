"""Numbers as people write them are never taken for categories or classes; what to write is said in one line."""

import re

import numpy as np
import pytest

from trainhouse.arrays.readings import read_task
from trainhouse.arrays.written_numbers import how_to_write, is_written_number
from trainhouse.configuration.errors import UserError
from trainhouse.tables.read_table import read_table


@pytest.mark.parametrize(
    ("texts", "way"),
    [
        (["17,7"], "write decimal points (17.7)"),
        (["-,5", "1,"], "write decimal points (-.5)"),
        (["1,5e3"], "write decimal points (1.5e3)"),
        (["17.7%"], "write no % (17.7)"),
        (["17,7 %"], "write decimal points, no % (17.7)"),
        (["$5"], "write no $ (5)"),
        (["-5 €"], "write no € (-5)"),
        (["1,770.0"], "write no separators of thousands (1770.0)"),
        (["1.770,0"], "write decimal points, no separators of thousands (1770.0)"),
        (["$1,234,567"], "write no separators of thousands, no $ (1234567)"),
        (["1\u2019770.5"], "write no separators of thousands (1770.5)"),
        (["1\u00a0770,5"], "write decimal points, no separators of thousands (1770.5)"),
        (["1.234.567"], "write no separators of thousands (1234567)"),
        (["\u22120.5"], "write -0.5"),
        (["\uff11\uff12"], "write 12"),
        (["\u0661,\u0665"], "write decimal points (1.5)"),
        (["(1.5)"], "write -1.5"),
        (["($1,234,567)"], "write no separators of thousands, no $ (-1234567)"),
        (["1.5D+02"], "write 1.5e+02"),
        (["1.5-", "2.5"], "write -1.5"),
        (["- 1.5"], "write -1.5"),
        (["'1.5"], "write 1.5"),
        (["1_000"], "write 1000"),
        (["3,504", "7,5"], "write decimal points (3.504)"),
        (["3,504", "0,504"], "write decimal points (3.504)"),
        (["3,504", "1,003,504"], "write no separators of thousands (3504)"),
        (["3,504", "789.58"], "write no separators of thousands (3504)"),
    ],
)
def test_what_to_write_follows_from_the_texts_of_the_column(texts, way):
    assert how_to_write(texts[0], texts) == way


@pytest.mark.parametrize("texts", [["3,504", "3,693"], ["3,504", "789"], ["3,504", "7,5", "1,003,504"]])
def test_a_comma_before_three_digits_that_nothing_explains_is_asked_for(texts):
    way = "three digits behind the comma may be thousands or decimals: write 3504 or 3.504, whichever is meant"
    assert how_to_write("3,504", texts) == way
    assert how_to_write("$3,504", ["$3,504"]) == f"{way}, without $"


@pytest.mark.parametrize(
    "text",
    [
        "17.7",
        "1e3",
        "12D3",
        "5-7",
        "5-a",
        "- a",
        "a_1",
        "5\u00b2",
        "(a)",
        "(-5)",
        "",
        "-",
        "%",
        "a,b",
        "1,2,3",
        "1.2.3",
        "01.02.2024",
        "192.168.0.1",
        "110 001",
        "18-25",
        "5%-10%",
        "12,34.5",
        "1,770,0",
        "$5%",
        "1 2",
        "+-5",
        "5 kg",
        "192.168.100.200",
    ],
)
def test_plain_numbers_codes_dates_and_ranges_are_none(text):
    assert not is_written_number(text)


def table(tmp_path, cells, **arguments):
    quoted = "".join(f'{number % 7}.5,"{cells[number % len(cells)]}",{number}.5\n' for number in range(60))
    (tmp_path / "t.csv").write_text("a,b,c\n" + quoted)
    return read_table(str(tmp_path / "t.csv"), processed=str(tmp_path / "processed"), **arguments)


CELLS = [["17,7", "18", "9,5"], ["17.7%", "9%"], ["1.770,0", "950,0"], ["$5", "$6"]]


@pytest.mark.parametrize("cells", CELLS, ids=[cells[0] for cells in CELLS])
def test_a_target_of_such_numbers_is_refused_unless_classes_are_asked_for(tmp_path, cells):
    named = rf"t\.csv, column b: 60 of 60 labels are numbers, row 0 is '{re.escape(cells[0])}'; write "
    with pytest.raises(UserError, match=named + r".*, or set data\.task=classification to have the texts as classes$"):
        table(tmp_path, cells, target="b")
    with pytest.raises(UserError, match=named) as error:
        table(tmp_path, cells, target="b", task="regression")
    assert "classification" not in str(error.value)
    assert table(tmp_path, cells, target="b", task="classification").spec.classes == tuple(sorted(cells))


@pytest.mark.parametrize("cells", CELLS, ids=[cells[0] for cells in CELLS])
def test_a_feature_of_such_numbers_is_refused(tmp_path, cells):
    with pytest.raises(UserError, match=rf"column b: 60 of 60 values are numbers, row 0 is '{re.escape(cells[0])}'; w"):
        table(tmp_path, cells, target="c")
    with pytest.raises(UserError, match=r"row 0 is '3,504'; three digits .* write 3504 or 3\.504"):
        table(tmp_path, ["3,504", "3,693"], target="c")


def test_separators_of_thousands_are_read_where_they_are_certain(tmp_path):
    assert table(tmp_path, ["1,770.0", "950.0"], target="b", task="regression").rows.y[:2].tolist() == [[1770], [950]]
    assert table(tmp_path, ["3,504", "789.58"], target="c").rows.x[:2, 1].tolist() == [3504, np.float32(789.58)]


def test_several_targets_name_the_one_that_is_text(tmp_path):
    with pytest.raises(UserError, match=r"^data\.target: several .*t\.csv, column b: row 0 is '17,7'; write dec"):
        table(tmp_path, ["17,7"], target=["c", "b"])


def test_ranges_are_classes():
    assert read_task(np.array(["$0-$10", "$10-$20", "5%-10%"] * 20), None, "y.npy").task == "classification"
