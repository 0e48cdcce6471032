"""Labels of which one reading is likely: it is named, or taken, and what can't be learned is refused."""

import logging

import numpy as np
import pytest

from trainhouse.arrays.npy import read_npy
from trainhouse.arrays.readings import read_task, slip_lines
from trainhouse.configuration.errors import UserError
from trainhouse.tables.read_table import read_table

N = 500
RANDOM = np.random.RandomState(0)
YES = np.where(RANDOM.rand(N) < 0.5, "yes", "no").astype("U9")
X = RANDOM.standard_normal((N, 2))


def put(labels, rows, value):
    changed = labels.copy()
    changed[rows] = value
    return changed


@pytest.fixture
def table(tmp_path):
    def read(labels, **arguments):
        lines = "".join(f"{a},{b},{y}\n" for (a, b), y in zip(X.tolist(), labels, strict=False))
        (tmp_path / "t.csv").write_text("a,b,y\n" + lines)
        return read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "processed"), **arguments)

    return read


@pytest.fixture
def array(tmp_path):
    def read(labels, **arguments):
        np.save(tmp_path / "x.npy", X)
        np.save(tmp_path / "y.npy", labels)
        return read_npy(str(tmp_path / "x.npy"), str(tmp_path / "y.npy"), **arguments)

    return read


def test_whole_amounts_of_which_one_is_rare_are_asked_about_as_amounts():
    miles = put(RANDOM.randint(10, 40, N), 28, 9)
    with pytest.raises(UserError, match=r"31 different labels .* amounts\? set data\.task=regression; or classes\?"):
        read_task(miles, None, "t.csv, column mpg")
    few = put(RANDOM.randint(1, 8, N), 28, 9)
    with pytest.raises(
        UserError,
        match=r"'9' is the label of row 28 alone of 500: mistyped\?.*=classification; or amounts\? .*=regression",
    ):
        read_task(few, None, "t.csv, column mpg")
    with pytest.raises(UserError, match=r"data\.task=classification$"):
        read_task(put(YES, 28, "maybe"), None, "y")


@pytest.mark.parametrize("kind", [int, float])
@pytest.mark.parametrize("task", [None, "classification"])
def test_minus_one_and_one_are_two_classes(table, array, kind, task):
    labels = np.where(YES == "yes", 1, -1).astype(kind)
    for read in (table, array):
        data = read(labels, task=task)
        assert (data.spec.task, data.spec.classes) == ("classification", ("-1", "1"))
        np.testing.assert_array_equal(data.rows.y, labels > 0)
        later = read(labels[::-1].astype(int if kind is float else float), like=data.spec)
        np.testing.assert_array_equal(later.rows.y, labels[::-1] > 0)
        assert read(labels, task="regression").spec.task == "regression"
        with pytest.raises(UserError, match=r"row 3 is -1(\.0)?, which is negative"):
            read(put(np.arange(N) % 3, 3, -1).astype(kind), task="classification")


@pytest.mark.parametrize("labels", [np.arange(N) % 3, (YES == "yes") * 1.0, RANDOM.standard_normal(N)])
def test_labels_of_shape_n_by_1_are_those_of_shape_n(array, labels):
    flat, upright = array(labels), array(labels[:, None])
    assert upright.spec == flat.spec
    np.testing.assert_array_equal(upright.rows.y, flat.rows.y)


def test_a_constant_target_is_refused_as_one_class_is(table, array):
    for read, name in ((table, r"t\.csv, column y"), (array, r"y\.npy")):
        with pytest.raises(UserError, match=rf"{name}: the target is 3\.5 in every row, so there is nothing to learn$"):
            read(np.full(N, 3.5))
        like = read(RANDOM.standard_normal(N)).spec
        assert len(read(np.full(N, 3.5), like=like).rows.y) == N  # which can be measured on
    with pytest.raises(UserError, match=r"y\.npy: target 1 is 3 in every row"):
        array(np.stack([X[:, 0], np.full(N, 3.0)], axis=1))


@pytest.mark.parametrize("name", ["yess", "yse", "ye", " Yess"])
def test_a_slip_in_one_row_is_refused_among_two_classes_too(table, name):
    with pytest.raises(UserError, match=f"'{name}' is the label of row 9 alone of 500: mistyped for 'yes'"):
        table(put(np.full(N, "yes", dtype="U9"), 9, name))
    assert table(put(YES, 9, name), task="classification").spec.outputs == 3


def test_a_slip_in_several_rows_is_named_in_a_warning(table, caplog):
    labels = put(YES, [3, 5, 7], "noo")
    for _ in range(2):  # the second time from what was converted
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert table(labels).spec.outputs == 3
        assert len(caplog.messages) == 1
        count = np.sum(labels == "no")
        assert f"t.csv: column y: 'noo' (3 rows) may be 'no' ({count} rows), mistyped" in caplog.messages[0]
    caplog.clear()
    table(labels, task="classification")
    assert not caplog.messages


@pytest.mark.parametrize(("common", "rare"), [("class1", "class2"), ("a", "b"), ("cat", "dog"), ("10", "11")])
def test_names_that_are_near_by_nature_are_no_slips(table, caplog, common, rare):
    with caplog.at_level(logging.WARNING):
        table(put(np.full(N, common, dtype="U9"), slice(0, 10), rare))
    assert not caplog.messages


@pytest.mark.parametrize(("rare", "common"), [("DK", "DE"), ("III", "II"), ("T1b", "T1a"), ("type b", "type a")])
def test_codes_that_are_near_by_nature_are_no_slips(rare, common):
    labels = np.array([common] * 400 + [rare] * 4)
    assert slip_lines(labels, "y") == []
    assert read_task(np.array([common] * 400 + [rare]), None, "t.csv").task == "classification"
