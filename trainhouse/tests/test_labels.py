"""Labels as written become labels as learned, and labels that can't are named by their row."""

import numpy as np
import pytest

from trainhouse.arrays.labels import class_names, encode_classes, encode_targets, find_classes, known_classes
from trainhouse.arrays.readings import read_task
from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.errors import UserError


def spec_of(*classes: str) -> DataSpec:
    return DataSpec("classification", (1,), "float32", len(classes), classes)


@pytest.mark.parametrize(
    ("labels", "task", "expected"),
    [
        (np.array([0, 1]), None, "classification"),
        (np.array(["a", "b"]), None, "classification"),
        (np.array([True, False]), None, "classification"),
        (np.array([0.0, 1.0]), None, "regression"),
        (np.array([0.0, 1.0]), "classification", "classification"),
        (np.array([0, 1]), "regression", "regression"),
    ],
)
def test_the_kind_of_the_labels_decides_the_task_unless_it_is_given(labels, task, expected):
    assert read_task(labels, task, "labels").task == expected


def test_an_unknown_task_is_refused():
    with pytest.raises(
        UserError, match=r"data\.task: expected one of classification, regression, multilabel or null, got 'rank'"
    ):
        read_task(np.array([0, 1]), "rank", "labels")


@pytest.mark.parametrize(
    ("labels", "names", "codes"),
    [
        (np.array([10, 2, 10]), ("2", "10"), [1, 0, 1]),
        (np.array([3.0, 5.0, 3.0]), ("3", "5"), [0, 1, 0]),
        (np.array([True, False, True]), ("0", "1"), [1, 0, 1]),
        (np.array(["dog", "cat", "dog"]), ("cat", "dog"), [1, 0, 1]),
    ],
)
def test_classes_are_numbered_in_sorted_order_and_named_as_written(labels, names, codes):
    classes = find_classes(labels, "y.npy")
    assert class_names(classes) == names
    encoded = encode_classes(labels, classes, "y.npy")
    assert encoded.dtype == np.int64
    assert encoded.tolist() == codes
    assert encode_classes(labels, known_classes(spec_of(*names), labels), "y.npy").tolist() == codes


@pytest.mark.parametrize(
    ("names", "labels", "codes"),
    [
        (("2", "10"), np.array([10.0, 2.0]), [1, 0]),
        (("1", "a"), np.array([1, 1]), [0, 0]),
        (("2", "10", "30"), np.array(["10", "30", "2"]), [1, 2, 0]),
    ],
    ids=["numbers of another kind", "only the classes that are numbers", "numbers as text"],
)
def test_later_labels_written_in_another_way_get_the_codes_of_the_earlier_ones(names, labels, codes):
    assert encode_classes(labels, known_classes(spec_of(*names), labels), "y.npy").tolist() == codes


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((4, 1), int), r"labels have shape \(4, 1\).*data\.task=regression"),
        (np.array([0, 1, 0.5]), "the label in row 2 is 0.5, which is not a whole number.*1 such rows"),
        (np.array([0, np.nan, 1]), "the label in row 1 is nan"),
        (np.array([0, np.inf, 1]), "the label in row 1 is inf"),
        (np.array([0, -1, -1]), "the label in row 1 is -1, which is negative.*2 such rows"),
        (np.array([4, 4, 4]), r"there is only one class \(4\)"),
        (np.arange(200), r"200 different labels in 200 rows are no classes; set data\.task=regression"),
    ],
)
def test_labels_that_are_no_classes_are_refused_with_their_file(labels, message):
    with pytest.raises(UserError, match=rf"^y\.npy: {message}"):
        find_classes(labels, "y.npy")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([3, 4, 5, 4]), r"the label in row 1 is 4, .* not one of the 2 classes \(3 ... 5\) \(2 such rows\)"),
        (np.array([3, 9]), "the label in row 1 is 9"),
        (np.array([[3], [5]]), r"labels have shape \(2, 1\), expected \(N,\)"),
    ],
)
def test_a_label_outside_the_classes_is_refused_with_its_file_and_row(labels, message):
    with pytest.raises(UserError, match=rf"^y\.npy: {message}"):
        encode_classes(labels, np.array([3, 5]), "y.npy")


@pytest.mark.parametrize("labels", [np.array([1, 2, 3]), np.array([[1.5, 2], [3, 4]]), np.array([True, False])])
def test_targets_are_one_float32_row_for_each_label(labels):
    targets = encode_targets(labels, "y.npy")
    assert targets.dtype == np.float32
    np.testing.assert_array_equal(targets, labels.reshape(len(labels), -1))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array(["1", "2"]), r"targets are <U1 of shape \(2,\), expected numbers"),
        (np.zeros((2, 2, 2)), r"targets are float64 of shape \(2, 2, 2\), expected numbers"),
        (np.array([0.0, np.nan, np.inf]), r"the label in row 1 is nan, which is not a finite number \(2 such rows\)"),
        (np.array([[0, 1], [0, -np.inf]]), r"the label in row 1 is \[ *0. -inf\]"),
    ],
)
def test_targets_that_are_no_finite_numbers_are_refused_with_their_file(labels, message):
    with pytest.raises(UserError, match=rf"^y\.npy: {message}"):
        encode_targets(labels, "y.npy")
