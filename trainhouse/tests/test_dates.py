"""Dates are read where they can mean one day only, and become numbers to learn from; what is doubtful is asked."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import torch

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.date_parts import PARTS
from trainhouse.arrays.row_preprocessing import RowPreprocessing
from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.errors import UserError
from trainhouse.tables.raw_rows import read_raw_rows
from trainhouse.tables.read_table import read_table

CELLS = {"dates": "2024-01-0{}", "dates with times": "2024-01-0{} 10:00:00", "times of day": "10:0{}:00"}


@pytest.fixture
def read(tmp_path):
    def from_cells(cells, target="c", **arguments):
        lines = "".join(f"{row % 7}.5,{cell},{row}.5\n" for row, cell in enumerate(cells))
        (tmp_path / "t.csv").write_text("a,day,c\n" + lines)
        return read_table(str(tmp_path / "t.csv"), target, str(tmp_path / "processed"), **arguments)

    return from_cells


def seconds(text: str) -> float:
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


@pytest.mark.parametrize(
    ("cells", "arguments", "first"),
    [
        (["2024-01-31", "1969-12-31", ""], {}, "2024-01-31"),
        (["2024-01-31 10:30:00", "NA"], {}, "2024-01-31 10:30"),
        (["2024-01-31T10:30:00.25", "2024-01-31"], {}, "2024-01-31 10:30:00.25"),
        (["2024-01-31T10:30:00+01:00", "2024-01-31T10:30:00Z"], {}, "2024-01-31 09:30"),
        (["10:30:00", "00:00:01"], {}, "1970-01-01 10:30"),
        (["2024-1-31", "2024-2-1"], {}, "2024-01-31"),
        (["0004-02-29", "9999-12-31"], {}, "0004-02-29"),
        (["31/12/2024", "01/02/2024"], {"columns": {"day": "date"}}, "2024-12-31"),
        (["01/02/2024", "03/04/2024"], {"columns": {"day": {"date": "%d/%m/%Y"}}}, "2024-02-01"),
        (["20240131", "20240201"], {"columns": {"day": "date"}}, "2024-01-31"),
        (["31 Jan 2024 1:05 PM", ""], {"columns": {"date": ["day"]}}, "2024-01-31 13:05"),
    ],
)
def test_dates_are_seconds_and_the_same_in_training_evaluation_and_inference(read, tmp_path, cells, arguments, first):
    trained = read(cells, **arguments)
    assert trained.rows.x.dtype == np.float64
    assert trained.rows.x[0, 1] == seconds(first)
    assert np.isnan(trained.rows.x[:, 1]).tolist() == [cell in ("", "NA") for cell in cells]
    again = read(cells, like=trained.spec)
    streamed = np.concatenate(list(read_raw_rows(tmp_path / "t.csv", trained.spec, 2)[1]))
    for x in (again.rows.x, streamed):
        np.testing.assert_array_equal(x, trained.rows.x)
    assert DataSpec.from_dict(trained.spec.to_dict()) == trained.spec


@pytest.mark.parametrize(
    ("cells", "arguments", "message"),
    [
        (
            ["01/01/2024", "02/01/2024"],
            {},
            r"column day: '02/01/2024' may be 2024-01-02 \('data.columns={day: {date: \"%d/%m/%Y\"}}'\), or 2024-02-01",
        ),
        (["31/01/2024", "02/01/2024"], {}, r"column day looks like dates .*{date: \"%d/%m/%Y\"}}' .*{day: category}'"),
        (["2024-01-01"] * 20 + ["soon"], {}, r"20 of 21 values are dates, row 20 is 'soon'; .*na_values=\[\"soon\"\]"),
        (["later", "soon"], {"columns": {"day": "date"}}, r"'later' is no date that is recognised; say how"),
        (["2024-01-01", "soon"], {"columns": {"day": {"date": "%Y-%m-%d"}}}, r"column day: row 1 is 'soon'"),
    ],
)
def test_doubtful_dates_are_asked_about_in_one_line(read, cells, arguments, message):
    with pytest.raises(UserError, match=message):
        read(cells, **arguments)


def test_a_date_that_is_written_in_another_way_later_is_named(read, tmp_path):
    spec = read(["2024-01-31", "2024-02-01"]).spec
    with pytest.raises(UserError, match=r"t\.csv: column day: row 1 is '31/01/2024'; write it as 2024-01-31 or"):
        read(["2024-01-31", "31/01/2024"], like=spec)
    with pytest.raises(UserError, match=r"row 1 is '2024-01-31T10:00Z'"):  # hours that nobody knows of the others
        read(["2024-01-31 09:00", "2024-01-31T10:00Z"], like=spec)


@pytest.mark.parametrize(("holds", "cell"), CELLS.items(), ids=CELLS)
def test_a_target_of_dates_is_refused_unless_classes_are_asked_for(read, holds, cell):
    cells = [cell.format(1 + row % 3) for row in range(60)]
    with pytest.raises(UserError, match=rf"t\.csv, column day: holds {holds}; write them as numbers: days or seconds"):
        read(cells, "day")
    assert read(cells, "day", task="classification").spec.outputs == 3


DAYS = [datetime(1968, 2, 27) + timedelta(hours=7 * row, minutes=row) for row in range(3000)]


def layer_of(read, cells):
    dataset = read(cells, task="regression")
    data = DataModule(dataset, 8, 0, [0.8, 0.1, 0.1], 0, seed=0)
    layer = RowPreprocessing(data.spec)
    layer.fit(*data.parts["train"], "t.csv")
    return layer, torch.tensor(np.array(dataset.rows.x)), data.spec


def test_the_first_layer_makes_parts_of_dates(read):
    layer, x, spec = layer_of(read, DAYS)
    assert spec.date_parts == {"day": PARTS}
    y = layer(x)
    assert y.shape == (3000, *layer.output_shape) == (3000, 14)
    assert y.dtype == torch.float32
    assert y[:, 7:12].isfinite().all()
    weekday = y[:, 5:12].argmax(1)
    assert weekday.tolist() == [day.weekday() for day in DAYS]
    assert (y[:, 5:12].sum(1) == 1).all()
    angles = torch.tensor([2 * np.pi * (day.hour * 60 + day.minute) / 1440 for day in DAYS])
    torch.testing.assert_close(y[:, 12:], torch.stack([angles.sin(), angles.cos()], 1), atol=1e-5, rtol=0)
    month = torch.tensor([2 * np.pi * (day.month - 1 + (day.day - 1) / 31) / 12 for day in DAYS])
    torch.testing.assert_close(y[:, 3:5], torch.stack([month.sin(), month.cos()], 1), atol=1e-5, rtol=0)
    years = torch.tensor([day.year for day in DAYS], dtype=torch.float64)
    assert torch.corrcoef(torch.stack([years, y[:, 2].double()]))[0, 1] > 0.999999
    np.testing.assert_allclose(y[:, 1].std(), 1, atol=0.05)


def test_parts_that_do_not_vary_in_training_are_left_out(read):
    layer, x, spec = layer_of(read, [f"2024-01-{1 + row % 28:02}" for row in range(200)])
    assert spec.date_parts == {"day": ("elapsed", "weekday")}
    assert layer(x).shape == (200, 1 + 1 + 7)
    layer, x, spec = layer_of(read, ["2024-01-05"] * 200)
    assert spec.date_parts == {"day": ("elapsed",)}
    assert (layer(x)[:, 1] == 0).all()


def test_a_missing_date_is_zeros_and_the_layer_can_be_exported(read):
    layer, x, _ = layer_of(read, ["", *DAYS[1:200]])
    y = layer(x)
    assert (y[0, 1:] == 0).all()
    assert y.isfinite().all()
    rows = torch.export.Dim("rows")
    exported = torch.export.export(layer, (x,), dynamic_shapes=({0: rows},)).module()
    torch.testing.assert_close(exported(x[:7]), y[:7], rtol=0, atol=0)
    torch.testing.assert_close(layer.half()(x), y.half(), rtol=1e-2, atol=1e-3)
