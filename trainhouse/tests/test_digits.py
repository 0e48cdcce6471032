"""Numbers of the data are shown with the digits that they have, and that tell them apart."""

import numpy as np
import pytest

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.digits import shown_within
from trainhouse.arrays.far_numbers import FarNumbers
from trainhouse.arrays.overview import task_lines
from trainhouse.arrays.spec import Dataset, DataSpec, Rows


@pytest.mark.parametrize(
    ("value", "ends", "text"),
    [
        (float(np.float32(46.6)), (9.0, 46.6), "46.6"),
        (float(np.float32(512.3292)), (0.0, 512.3292), "512.329"),
        (0.0, (0.0, 512.3292), "0"),
        (float(np.float32(0.1)), (0.1, 0.9), "0.1"),
        (8750000.0, (75000.0, 8750000.0), "8750000"),
        (1234567.891, (75000.0, 8750000.0), "1234568"),
        (1700000020.25, (1699999980.0, 1700000020.25), "1700000020.2"),
        (1699999999.7512, (1699999999.5, 1700000000.5), "1699999999.751"),
        (1.25e-12, (1e-12, 2e-12), "1.25e-12"),
        (-3e20, (-3e20, 1e20), "-3e+20"),
        (3.5, (3.5, 3.5), "3.5"),
    ],
)
def test_a_number_has_the_digits_that_it_needs(value, ends, text):
    assert shown_within(value, *ends) == text


def test_targets_in_float32_are_shown_as_they_were_written():
    y = np.linspace(9, 46.6, 50, dtype=np.float32)[:, None]
    spec = DataSpec("regression", (1,), "float32", 1)
    rows = Rows(np.zeros((50, 1), dtype=np.float32), y)
    lines = task_lines(DataModule(Dataset(spec, rows, "x"), 8, 0, [0.6, 0.2, 0.2], 0, seed=0))
    assert lines[1] == "target target: mean 27.8, from 9 to 46.6"
    assert len(lines[2].partition("always ")[2].partition(":")[0]) <= 7


def test_numbers_far_from_those_of_training_are_shown_apart_from_them():
    spec = DataSpec("regression", (1,), "float64", 1, ranges=((1.7e9, 1.7e9 + 20),))
    far = FarNumbers(spec)
    far.add(np.array([[1.7e9 + 1000.5]]))
    assert far.lines()[0].endswith("outside the 1700000000 to 1700000020 of training; row 0 has 1700001000.5")
