"""Your data. A new data set gets a class of its own, of two lines: trainhouse/testing.py has the tests."""

import math

from src.data.ring import Ring
from trainhouse.testing import DataTests


class TestFake(DataTests):
    overrides = ("data=fake",)


class TestDigits(DataTests):
    overrides = ("data=digits",)


class TestRing(DataTests):
    overrides = ("experiment=gan",)


class TestShapes(DataTests):
    overrides = ("experiment=segmentation", "data.rows=50")


class TestText(DataTests):
    overrides = ("experiment=language_model",)


def test_points_without_spread_are_on_the_circle() -> None:
    ring = Ring(clusters=8, spread=0.0, rows=100, samples=1, batch_size=10, num_workers=0, data_seed=0)
    ring.setup("fit")
    assert all(math.isclose(float(point.norm()), 1, abs_tol=1e-5) for point in ring.points)
