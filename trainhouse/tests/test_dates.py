"""Dates are named in plain words, with what else can be done than leaving them out."""

import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.tables.read_table import read_table

CELLS = {"dates": "2024-01-0{}", "dates with times": "2024-01-0{} 10:00:00", "times of day": "10:0{}:00"}


@pytest.fixture
def read(tmp_path):
    def from_cells(cell, target, **arguments):
        lines = "".join(f"{row % 7}.5,{cell.format(1 + row % 3)},{row}.5\n" for row in range(60))
        (tmp_path / "t.csv").write_text("a,day,c\n" + lines)
        return read_table(str(tmp_path / "t.csv"), target, str(tmp_path / "processed"), **arguments)

    return from_cells


@pytest.mark.parametrize(("holds", "cell"), CELLS.items(), ids=CELLS)
def test_a_feature_of_dates_is_refused_in_plain_words(read, holds, cell):
    with pytest.raises(
        UserError, match=rf"t\.csv: column day holds {holds}; leave it out with data\.drop=\[day\], or w"
    ):
        read(cell, "c")
    assert read(cell, "c", drop=["day"]).spec.columns == ("a",)


@pytest.mark.parametrize(("holds", "cell"), CELLS.items(), ids=CELLS)
def test_a_target_of_dates_is_refused_unless_classes_are_asked_for(read, holds, cell):
    with pytest.raises(UserError, match=rf"t\.csv, column day: holds {holds}; write them as numbers: days or seconds"):
        read(cell, "day")
    assert read(cell, "day", task="classification").spec.outputs == 3
