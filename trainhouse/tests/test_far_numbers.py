"""Numbers far outside those of training are counted and named, whatever file they come from."""

import numpy as np
import pytest

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.far_numbers import find_ranges, watched
from trainhouse.arrays.spec import Dataset, DataSpec, Rows

X = np.random.RandomState(0).uniform(50, 500, (300, 3)).astype(np.float32)


def spec(**facts):
    return DataSpec("regression", (3,), "float32", 1, **facts)


def lines(rows, model, caplog, numbers=None, size=7):
    caplog.clear()
    batches = [rows[start : start + size] for start in range(0, len(rows), size)]
    np.testing.assert_array_equal(np.concatenate(list(watched(batches, model, "x.npy", numbers))), rows)
    return caplog.messages


def test_ranges_are_those_of_the_training_rows_alone():
    x = X.copy()
    x[5] = [1e9, np.nan, 7]
    train = np.delete(np.arange(300), 5)
    expected = [(float(column[train].min()), float(column[train].max())) for column in x.T]
    assert find_ranges(x, train, spec()) == tuple(expected)
    assert find_ranges(x, None, spec())[0] == (expected[0][0], 1e9)
    data = DataModule(Dataset(spec(), Rows(x, x[:, :1] * 0), "x"), 8, 0, [0.8, 0.1, 0.1], 0, seed=0)
    train = data.parts["train"][1]
    low, high = np.nanmin(x[train], axis=0), np.nanmax(x[train], axis=0)
    np.testing.assert_array_equal(data.spec.ranges, np.column_stack([low, high]))


def test_numbers_far_outside_are_counted_column_by_column(caplog):
    model = spec(columns=("area", "rooms", "age"), ranges=((50, 500), (1, 9), None))
    rows = np.array([[60, 2, 1e30]] * 20, dtype=np.float32)
    assert lines(rows, model, caplog) == []
    rows[[3, 12], 0] = [1e9, 5000]
    rows[9, 1] = -1000
    rows[10, 0] = 501  # outside, but not far
    rows[11, 1] = np.nan
    assert lines(rows, model, caplog) == [
        "warning: x.npy: column area: 2 of 20 numbers are far outside the 50 to 500 of training; row 3 has 1e+09",
        "warning: x.npy: column rooms: 1 of 20 numbers are far outside the 1 to 9 of training; row 9 has -1000",
    ]
    named = lines(rows, model, caplog, numbers=np.arange(100, 120))
    assert named[0].endswith("row 103 has 1e+09")


def test_many_such_columns_take_few_lines(caplog):
    model = DataSpec("regression", (50,), "float32", 1, ranges=((0, 1),) * 50)
    said = lines(np.full((10, 50), 99.0, dtype=np.float32), model, caplog)
    assert len(said) == 4
    assert said[0] == "warning: x.npy: column 0: 10 of 10 numbers are far outside the 0 to 1 of training; row 0 has 99"
    assert said[3] == "warning: x.npy: 47 more columns have numbers far outside those of training"


def test_a_column_that_is_missing_in_every_row_is_named(caplog):
    model = DataSpec(
        "regression", (3,), "float32", 1, columns=("area", "city", "age"), categories={"city": ("Lyon", "Oslo")}
    )
    rows = np.array([[np.nan, -1, 1]] * 20, dtype=np.float32)
    assert lines(rows, model, caplog) == ["warning: x.npy: nothing in column area, city in any row"]
    rows[19, 0], rows[3, 1] = -7, 0
    assert lines(rows, model, caplog) == []
    one = DataSpec("regression", (1,), "float32", 1)
    assert lines(rows[:19, :1], one, caplog) == ["warning: x.npy: nothing in column 0 in any row"]


def test_images_of_another_scale_are_named(caplog):
    images = np.random.RandomState(0).uniform(0, 1, (20, 1, 4, 4)).astype(np.float32)
    model = DataSpec("classification", (1, 4, 4), "float32", 2, ("a", "b"))
    (ends,) = find_ranges(images, None, model)
    assert ends == (images.min(), images.max())
    model = DataSpec("classification", (1, 4, 4), "float32", 2, ("a", "b"), ranges=(ends,))
    assert lines(images, model, caplog) == []
    (said,) = lines(images * 255, model, caplog)
    assert said.startswith("warning: x.npy: 20 of 20 rows have numbers far outside the ")


@pytest.mark.parametrize("value", [0.0, 5.0, -1e-20, 1e20])
def test_a_column_that_was_constant_in_training_takes_what_is_near_it(caplog, value):
    model = spec(ranges=((value, value),) * 3)
    near = np.full((2, 3), value, dtype=np.float32)
    assert lines(near, model, caplog) == []
    assert len(lines(near - np.float32(10 * max(abs(value), 1)), model, caplog)) == 3


def test_a_model_of_an_older_version_knows_no_ranges(caplog):
    assert lines(np.full((2, 3), 1e30, dtype=np.float32), spec(), caplog) == []
