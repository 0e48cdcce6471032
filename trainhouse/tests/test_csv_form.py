"""A table with another separator, in UTF-16 or with a line for Excel in front is named as what it is."""

import gzip

import numpy as np
import pytest

from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.errors import UserError, did_you_mean
from trainhouse.tables.raw_rows import read_raw_rows
from trainhouse.tables.read_table import read_table

MODEL = DataSpec("regression", (2,), "float32", 1, columns=("a", "b"), targets=("y",))
TABLE = "a,b,y\n1.5,2,3.5\n2.5,3,4.5\n"
FORMS = {
    "semicolons": (TABLE.replace(",", ";"), ": its header has no comma but 2 semicolons: semicolons separate its "),
    "one tab": ("a\ty\n1\t2\n", ": its header has no comma but 1 tab: tabs separate its columns; save it with commas"),
    "bars": (TABLE.replace(",", "|"), ": its header has no comma but 2 vertical bars: vertical bars separate "),
    "quoted": ('"a, in m";"b";"y"\n1;2;3\n', ": its header has no comma but 2 semicolons"),
    "decimal commas": (TABLE.replace(",", ";").replace(".", ","), "save it with commas and decimal points"),
    "UTF-16": (TABLE.encode("utf-16"), " is text in UTF-16; save it as UTF-8"),
    "UTF-16 without a mark": (TABLE.encode("utf-16-le"), " is no text in UTF-8; save it as CSV in UTF-8"),
    "for Excel": ("sep=,\n" + TABLE, " begins with 'sep=,', a line that only Excel reads; delete it"),
    "for Excel, semicolons": ("\ufeffsep=;\r\na;b;y\r\n", "'sep=;', .*; delete it, and save the table with commas"),
}


@pytest.mark.parametrize(("content", "says"), FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_what_was_found_is_named_in_training_and_in_inference(tmp_path, name, content, says):
    content = content if isinstance(content, bytes) else content.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    with pytest.raises(UserError, match=rf"^data\.file: .*t\.csv.*{says}"):
        read_table(str(tmp_path / name), "y", str(tmp_path / "processed"))
    with pytest.raises(UserError, match=rf"^input: .*t\.csv.*{says}"):
        list(read_raw_rows(tmp_path / name, MODEL, 4)[1])


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_tables_with_commas_are_read_whatever_their_names_hold(tmp_path, mark):
    (tmp_path / "t.csv").write_text(mark + 'a;b,"c|d",y\n1,2,3.5\n2,4,4.5\n')
    assert read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "processed")).spec.columns == ("a;b", "c|d")


def test_a_single_column_of_such_a_name_is_one(tmp_path):
    (tmp_path / "t.csv").write_text("\n\na;b\n1\n2\n")
    model = DataSpec("regression", (1,), "float32", 1, columns=("a;b",))
    np.testing.assert_array_equal(np.concatenate(list(read_raw_rows(tmp_path / "t.csv", model, 4)[1])), [[1], [2]])


@pytest.mark.parametrize(("name", "option"), [("pclass", "PCLASS"), ("PCLASS", "pclass"), ("pclass", " Pclass ")])
def test_a_name_in_another_case_is_the_one_that_was_meant(name, option):
    assert did_you_mean(name, ["plass", option]) == f"; did you mean '{option}'?"
