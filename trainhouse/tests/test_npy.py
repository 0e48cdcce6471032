"""The user's own arrays: what is read from them, and which ones don't fit together."""

import re

import numpy as np
import pytest

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.npy import read_npy
from trainhouse.configuration.errors import UserError

X = np.arange(24, dtype=np.float64).reshape(8, 3)
CLASSES = np.array([3, 7, 3, 7, 3, 7, 3, 7])


@pytest.fixture
def save(tmp_path):
    def saved(**arrays: np.ndarray) -> dict[str, str]:
        """Save each array and return its path under its own name, as arguments of the reader."""
        for name, array in arrays.items():
            np.save(tmp_path / f"{name}.npy", array)
        return {name: str(tmp_path / f"{name}.npy") for name in arrays}

    return saved


def test_whole_numbers_are_classes_in_sorted_order(save):
    data = read_npy(**save(features=X, labels=CLASSES))
    assert (data.spec.task, data.spec.classes, data.spec.outputs) == ("classification", ("3", "7"), 2)
    assert data.rows.y.dtype == np.int64
    np.testing.assert_array_equal(data.rows.y, [0, 1] * 4)
    np.testing.assert_array_equal(data.rows.x, X)


@pytest.mark.parametrize(("shape", "names"), [((8,), ("target",)), ((8, 1), ("target",)), ((8, 2), ("0", "1"))])
def test_fractions_are_targets_of_regression(save, shape, names):
    labels = np.linspace(0, 1, np.prod(shape)).reshape(shape)
    data = read_npy(**save(features=X, labels=labels))
    assert (data.spec.task, data.spec.targets, data.spec.outputs) == ("regression", names, len(names))
    np.testing.assert_array_equal(data.rows.y, labels.reshape(8, -1).astype(np.float32))


def test_without_labels_the_last_column_is_the_label(save):
    data = read_npy(**save(features=np.column_stack([X, CLASSES])), task="classification")
    assert data.spec.input_shape == (3,)
    np.testing.assert_array_equal(data.rows.x, X)
    np.testing.assert_array_equal(data.rows.y, [0, 1] * 4)


@pytest.mark.parametrize(("stored", "dtype"), [("uint8", "uint8"), ("int32", "float32"), ("float64", "float32")])
def test_images_keep_their_shape_and_only_bytes_stay_bytes(save, stored, dtype):
    data = read_npy(**save(features=np.ones((8, 4, 4), stored), labels=CLASSES))
    assert (data.spec.input_shape, data.spec.dtype) == ((4, 4), dtype)


def test_splits_of_their_own_get_the_classes_of_the_training_rows(save):
    files = save(features=X, labels=CLASSES, val_features=X[:2], val_labels=CLASSES[1:3], test_features=X[:1])
    data = read_npy(**{**files, "test_labels": save(test_labels=CLASSES[1:2])["test_labels"]})
    np.testing.assert_array_equal(data.val.y, [1, 0])
    np.testing.assert_array_equal(data.test.y, [1])


def test_later_data_get_the_class_codes_and_the_row_shape_of_the_earlier_ones(save):
    earlier = read_npy(**save(features=np.ones((8, 1, 3)), labels=CLASSES)).spec
    later = read_npy(**save(features=X[:2], labels=np.array([7.0, 7.0])), like=earlier)
    assert later.spec == earlier
    assert later.rows.x.shape == (2, 1, 3)
    np.testing.assert_array_equal(later.rows.y, [1, 1])


def test_a_class_that_the_model_never_saw_is_refused_with_its_row(save):
    earlier = read_npy(**save(features=X, labels=CLASSES)).spec
    with pytest.raises(UserError, match=r"labels\.npy: the label in row 5 is 4, .* not one of the 2 classes"):
        read_npy(**save(features=X, labels=np.array([3, 7, 3, 7, 3, 4, 3, 7])), like=earlier)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"features": X, "labels": CLASSES[:5]}, r"data\.labels: .*labels\.npy has 5 rows, but .*features\.npy has 8"),
        ({"features": X[:, 0], "labels": CLASSES}, r"data\.features: .*features\.npy has shape \(8,\)"),
        ({"features": X[:, 0]}, r"data\.labels is null, .*features\.npy .* shape \(8,\)"),
        ({"features": X[:, :1]}, r"data\.labels is null, .*features\.npy .* shape \(8, 1\)"),
        ({"features": np.ones((8, 2, 2))}, r"data\.labels is null, .*features\.npy .* shape \(8, 2, 2\)"),
        (
            {"features": X, "labels": CLASSES, "val_features": X[:, :2], "val_labels": CLASSES},
            r"^data\.val_features: rows of .*val_features\.npy are float64 \(2,\), .*features\.npy float64 \(3,\)",
        ),
        (
            {"features": X, "labels": CLASSES, "test_features": X.astype(np.uint8), "test_labels": CLASSES},
            r"^data\.test_features: rows of .*test_features\.npy are uint8 \(3,\), .*features\.npy float64 \(3,\)",
        ),
        (
            {"features": X, "labels": CLASSES, "val_labels": CLASSES},
            r"data\.val_labels is set but data\.val_features is not",
        ),
    ],
)
def test_arrays_that_do_not_fit_together_are_named_with_both_shapes(save, arrays, message):
    with pytest.raises(UserError, match=message):
        read_npy(**save(**arrays))


@pytest.mark.parametrize("key", ["features", "labels", "val_features", "test_labels"])
def test_a_missing_file_is_named_with_its_key(save, tmp_path, key):
    files = save(features=X, labels=CLASSES, val_features=X, val_labels=CLASSES, test_features=X, test_labels=CLASSES)
    gone = str(tmp_path / "gone.npy")
    with pytest.raises(UserError, match=rf"data\.{key}: {re.escape(gone)} does not exist"):
        read_npy(**{**files, key: gone})


@pytest.mark.parametrize("unit", ["D", "ns"])
def test_times_may_be_dates_of_numpy(save, tmp_path, unit):
    times = np.datetime64("1969-12-20") + np.arange(30)[::-1]
    np.save(tmp_path / "t.npy", times.astype(f"datetime64[{unit}]"))
    files = save(features=np.arange(30.0)[:, None] ** 2, labels=np.arange(30) % 2)
    data = DataModule(read_npy(**files, times=str(tmp_path / "t.npy")), 4, 0, [0.6, 0.2, 0.2], 0, 0)
    assert data.row_numbers_of("test").tolist() == list(range(6))
    times[7] = "NaT"
    np.save(tmp_path / "t.npy", times)
    with pytest.raises(UserError, match=r"data\.times: .*row 7 has none"):
        read_npy(**files, times=str(tmp_path / "t.npy"))
    with pytest.raises(UserError, match=r"data\.groups: .* holds datetime64\[D\], expected numbers"):
        read_npy(**files, groups=str(tmp_path / "t.npy"))
