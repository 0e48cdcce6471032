"""Values of very many labels are found without sorting them."""

import numpy as np
import pytest

from trainhouse.arrays import few_values


def test_few_values_are_found_as_numpy_finds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few_values, "_MANY", 1)
    monkeypatch.setattr(few_values, "_CHUNK", 7)
    random = np.random.RandomState(0)
    for dtype, low, high in (
        (np.int64, -3, 9),
        (np.uint8, 250, 256),
        (np.int8, -128, 128),
        (np.int32, 2**30, 2**30 + 4),
    ):
        labels = random.randint(low, high, 60).astype(dtype)
        found = few_values.values_of(labels)
        assert few_values._few(labels) is not None
        for one, other in zip(found, np.unique(labels, return_index=True, return_counts=True), strict=True):
            np.testing.assert_array_equal(one, other)
        assert found.values.dtype == dtype
    assert few_values._few(random.randint(0, 10**6, 60)) is None
