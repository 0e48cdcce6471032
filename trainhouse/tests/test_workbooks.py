"""Sheets of workbooks: one is read, several are asked about; dates, formulas and errors are what they are."""

import sys

import numpy as np
import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.tables.raw_rows import read_raw_rows
from trainhouse.tables.read_table import read_table
from trainhouse.tests.test_table_files import trained
from trainhouse.tests.workbook import workbook

FORMULA, ERROR = '<c r="PLACE"><f>A2*2</f>{}</c>', '<c r="PLACE" t="e"><v>{}</v></c>'
ROWS = [["a", "b", "y"], [1, 2, "no"], [3, 4.5, "yes"], [5, None, "no"]]


@pytest.fixture(autouse=True)
def _calamine():
    pytest.importorskip("python_calamine")


def test_a_formula_has_the_value_that_was_saved_and_numbers_as_text_are_numbers(tmp_path):
    rows = [
        ["a", "b", "y"],
        [FORMULA.format("<v>7</v>"), "1.5", "no"],
        [3, "2.5", "yes"],
        [ERROR.format("#N/A"), "", "no"],
    ]
    workbook(tmp_path / "t.xlsx", s=rows)
    np.testing.assert_array_equal(trained(tmp_path / "t.xlsx").rows.x, [[7, 1.5], [3, 2.5], [np.nan, np.nan]])


def test_formulas_without_values_and_errors_are_named_together(tmp_path):
    rows = [ROWS[0], [FORMULA.format(""), 1, "no"], [ERROR.format("#DIV/0!"), 2, "yes"]]
    workbook(tmp_path / "t.xlsx", other=[], s=rows)
    with pytest.raises(
        UserError, match=r"sheet s: 2 problems:\n  cell A2 has a formula without a value; .*\n  cell A3 is #DIV/0!"
    ):
        trained(tmp_path / "t.xlsx")


def test_one_of_several_sheets_is_asked_for(tmp_path):
    workbook(tmp_path / "t.xlsx", first=ROWS, second=[["c", "y"], [1, "no"], [2, "yes"]])
    with pytest.raises(UserError, match=r"has 2 sheets: first, second; say which, as data\.sheet='first'$"):
        trained(tmp_path / "t.xlsx")
    assert trained(tmp_path / "t.xlsx", sheet="second").spec.columns == ("c",)
    with pytest.raises(UserError, match=r"^data\.sheet: .* no sheet 'frist', but first, second; did you mean"):
        trained(tmp_path / "t.xlsx", sheet="frist")


def test_what_is_no_workbook_and_a_missing_package_are_named(tmp_path, monkeypatch):
    (tmp_path / "t.xlsx").write_bytes(b"PK\x03\x04, or not")
    with pytest.raises(UserError, match=r"^data\.file: .*t\.xlsx is no workbook that can be read"):
        trained(tmp_path / "t.xlsx")
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(UserError, match=r"t\.xlsx: workbooks are read with python-calamine: pip install"):
        trained(tmp_path / "t.xlsx")


def test_codes_kept_as_text_keep_their_zeros_and_a_title_is_no_header(tmp_path):
    rows = [["a", "zip", "y"], *([row * 37 % 101 / 10, f"00{row % 3 + 5}", f"00{row % 2 + 7}"] for row in range(40))]
    workbook(tmp_path / "t.xlsx", S=rows)
    data = read_table(str(tmp_path / "t.xlsx"), "y", str(tmp_path / "kept"), columns={"zip": "category"})
    assert data.spec.classes == ("007", "008")
    assert data.spec.categories == {"zip": ("005", "006", "007")}
    later = read_table(str(tmp_path / "t.xlsx"), "y", str(tmp_path / "kept"), like=data.spec)
    assert later.rows.y.tolist() == data.rows.y.tolist()
    batches = [*read_raw_rows(tmp_path / "t.xlsx", data.spec, 64)[1]]
    assert batches[0].tolist() == np.asarray(data.rows.x).tolist()
    workbook(tmp_path / "titled.xlsx", S=[["Report of 2024"], *rows])
    with pytest.raises(UserError, match=r"first row \('Report of 2024'\) is no header.*set data\.skip_rows"):
        read_table(str(tmp_path / "titled.xlsx"), "y", str(tmp_path / "kept"))
    titled = read_table(str(tmp_path / "titled.xlsx"), "y", str(tmp_path / "kept"), skip_rows=1)
    assert titled.spec.classes == ("007", "008")
