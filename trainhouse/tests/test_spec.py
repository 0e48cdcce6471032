"""The facts of a data set survive a checkpoint, and its fingerprint tells data sets apart."""

import json

import numpy as np
import pytest

from trainhouse.arrays.fingerprint import fingerprint
from trainhouse.arrays.spec import Dataset, DataSpec, Rows

SPEC = DataSpec(
    task="classification",
    input_shape=(3,),
    dtype="float32",
    outputs=2,
    classes=("no", "yes"),
    targets=("bought",),
    columns=("age", "city", "height"),
    categories={"city": ("Lyon", "Oslo")},
    missing="mean",
)


def dataset(x: np.ndarray, y: np.ndarray, **splits: Rows) -> Dataset:
    return Dataset(SPEC, Rows(x, y), "rows", **splits)


X = np.arange(12, dtype=np.float32).reshape(4, 3)
Y = np.array([0, 1, 0, 1])


def test_a_spec_is_the_same_after_a_trip_through_json():
    assert DataSpec.from_dict(json.loads(json.dumps(SPEC.to_dict()))) == SPEC


def test_a_record_that_lacks_a_fact_is_refused_by_its_name():
    record = SPEC.to_dict()
    del record["input_shape"]
    with pytest.raises(KeyError, match="input_shape"):
        DataSpec.from_dict(record)


def test_equal_rows_have_one_fingerprint_wherever_they_are_stored(tmp_path):
    np.save(tmp_path / "x.npy", X)
    assert fingerprint(dataset(np.load(tmp_path / "x.npy", mmap_mode="r"), Y)) == fingerprint(dataset(X, Y))


@pytest.mark.parametrize(
    "other",
    [
        dataset(np.where(X == 7, 7.5, X).astype(np.float32), Y),
        dataset(X, Y[::-1]),
        dataset(X.reshape(4, 3, 1), Y),
        dataset(X.astype(np.float64), Y),
        dataset(X, Y, val=Rows(X, Y)),
    ],
    ids=["one value", "labels", "shape", "dtype", "own validation rows"],
)
def test_the_fingerprint_changes_with_the_data(other):
    assert fingerprint(other) != fingerprint(dataset(X, Y))


def test_rows_with_their_axes_in_another_order_are_not_the_same_rows():
    spec = DataSpec("classification", (8, 8, 3), "uint8", 2)
    assert spec.holds((8, 8, 3))
    assert spec.holds((192,))
    assert spec.holds((1, 8, 8, 3))
    assert not spec.holds((3, 8, 8))


@pytest.mark.parametrize("dtype", ["f4,(", "1000000000000f4", "float32,float32", ["float32"], 7])
def test_a_dtype_that_is_none_is_refused_by_name(dtype: object) -> None:
    with pytest.raises(TypeError, match=r"^dtype is "):
        DataSpec.from_dict({**SPEC.to_dict(), "dtype": dtype})
