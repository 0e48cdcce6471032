"""Lines above the header, and the sheet, of training say where to look in new rows, which may be without them."""

from types import SimpleNamespace

import numpy as np
import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.predicting.form_of_rows import keys_of_rows
from trainhouse.tables.raw_rows import read_raw_rows
from trainhouse.tables.read_table import read_table
from trainhouse.tests.workbook import workbook

ABOVE, HEADER = [["Sales 2024"], ["by month", "in EUR"]], ["a", "b", "y"]
ROWS = [[row, row % 3 + 0.5, "no" if row % 2 else "yes"] for row in range(20)]
NEW = [[100, 1.5, "no"], [200, 2.5, "yes"], [300, 0.5, "no"]]
SHAPES = {"like training": ABOVE, "none above": [], "one above": ABOVE[:1]}


def write(path, rows, sheet="Data"):
    if path.suffix == ".xlsx":
        pytest.importorskip("python_calamine")
        workbook(path, **{"Notes": [["who", "made it"], ["A", "1"]] if sheet == "Data" else [], sheet: rows})
    else:
        path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    return path


@pytest.fixture(params=[".csv", ".xlsx"])
def trained(tmp_path, request):
    form = {"skip_rows": 2} | ({"sheet": "Data"} if request.param == ".xlsx" else {})
    path = write(tmp_path / f"t{request.param}", [*ABOVE, HEADER, *ROWS])

    def read(file=path, **more):
        return read_table(str(file), "y", str(tmp_path / "kept"), keep_index=True, **form, **more)

    return SimpleNamespace(read=read, form=form, suffix=request.param, spec=read().spec)


@pytest.mark.parametrize("above", SHAPES.values(), ids=SHAPES)
def test_new_rows_and_a_test_file_are_read_with_and_without_lines_above(tmp_path, trained, above):
    sheet = "Data" if above is ABOVE else "Sheet1"
    new = write(tmp_path / f"new{trained.suffix}", [*above, HEADER, *NEW], sheet)
    keys = keys_of_rows(SimpleNamespace(config=SimpleNamespace(data=trained.form), spec=None), {})
    rows = np.concatenate(list(read_raw_rows(new, trained.spec, 8, keys=keys)[1]))
    expected = [row[:2] for row in NEW]
    assert rows.tolist() == expected
    data = trained.read(test_file=str(new), weight_column="b")
    assert data.test.x.tolist() == [row[:1] for row in NEW]
    assert data.test_beside.weights.tolist() == [1.5, 2.5, 0.5]
    assert trained.read(new, like=trained.spec).rows.x.tolist() == expected


def test_what_infer_is_told_wins(tmp_path, trained):
    new = write(tmp_path / f"new{trained.suffix}", [*ABOVE, HEADER, *NEW])
    for said in ({"skip_rows": 0}, {"skip_rows": 1}) + (({"sheet": "Notes"},) if trained.suffix == ".xlsx" else ()):
        keys = keys_of_rows(SimpleNamespace(config=SimpleNamespace(data=trained.form), spec=None), said)
        with pytest.raises(UserError, match=r"input: .* (has no column 'a'|is no header|its header has two lines)"):
            list(read_raw_rows(new, trained.spec, 8, keys=keys)[1])
