"""Whole groups, past before future, or as a column says: no group and no time is on two sides of a split."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainhouse.arrays.beside import Beside, checked_weights, splits_from
from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.spec import Dataset, DataSpec, Rows
from trainhouse.arrays.split import SPLITS
from trainhouse.arrays.split_by import split_groups, split_times
from trainhouse.configuration.errors import UserError

FRACTIONS = [0.7, 0.2, 0.1]
RANDOM = np.random.RandomState(0)
GROUPS = RANDOM.randint(0, 200, 2000)
Y = ((GROUPS % 5 == 0) | (RANDOM.rand(2000) < 0.1)).astype(np.int64)  # classes that go with groups
NUMBERS = np.arange(12)


def sides(parts: dict[str, np.ndarray], values: np.ndarray) -> list[set[int]]:
    return [set(values[parts[name]].tolist()) for name in SPLITS]


@given(
    st.lists(st.integers(0, 12), min_size=30, max_size=120), st.integers(0, 2**32 - 1), st.sampled_from([None, 0, 1])
)
@settings(derandomize=True, database=None, deadline=None, max_examples=50)
def test_no_group_is_on_two_sides_and_every_row_is_on_one(groups, seed, fold):
    values = np.array([*groups, *range(12)])
    parts = split_groups(values % 2, values, FRACTIONS, seed, fold, folds=2)
    assert np.sort(np.concatenate([*parts.values()])).tolist() == list(range(len(values)))
    train, val, test = sides(parts, values)
    assert train
    assert val
    assert test
    assert not train & val
    assert not train & test
    assert not val & test


@pytest.mark.parametrize("most", [20_000, 10], ids=["greedy", "very many groups"])
def test_groups_leave_rows_and_classes_nearly_in_proportion(monkeypatch, most):
    monkeypatch.setattr("trainhouse.arrays.split_by._GREEDY", most)
    parts = split_groups(Y, GROUPS, FRACTIONS, seed=1)
    for name, share in zip(SPLITS, FRACTIONS, strict=True):
        assert len(parts[name]) == pytest.approx(share * 2000, abs=30)
        assert Y[parts[name]].mean() == pytest.approx(Y.mean(), abs=0.04)


def test_folds_of_groups_have_the_same_test_rows_and_validate_on_all_others_between_them():
    folds = [split_groups(Y, GROUPS, FRACTIONS, 3, fold, folds=4) for fold in range(4)]
    plain = split_groups(Y, GROUPS, FRACTIONS, 3)
    assert all(np.array_equal(one["test"], plain["test"]) for one in folds)
    together = np.sort(np.concatenate([one["val"] for one in folds]))
    np.testing.assert_array_equal(together, np.sort(np.concatenate([plain["train"], plain["val"]])))


def test_each_part_gets_one_of_few_groups_and_too_few_are_refused():
    parts = split_groups(NUMBERS % 2, NUMBERS // 4, [0.8, 0.1, 0.1], 0)
    assert [len(parts[name]) for name in SPLITS] == [4, 4, 4]
    with pytest.raises(UserError, match=r"data.group_column: 1 groups are too few for 2 parts"):
        split_groups(NUMBERS % 2, NUMBERS // 6, [0.8, 0.1, 0.1], 0)


def test_the_past_trains_and_rows_of_one_time_stay_together():
    times = np.array([5, 1, 1, 2, 3, 3, 3, 3, 4, 9])
    parts = split_times(times, [0.5, 0.3, 0.2])
    train, val, test = (times[parts[name]] for name in SPLITS)
    assert train.max() < val.min() <= val.max() < test.min()
    assert sorted(train) == [1, 1, 2]
    assert sorted(val) == [3, 3, 3, 3, 4]


def test_folds_of_times_are_a_window_that_expands():
    folds = [split_times(NUMBERS, [0.8, 0.1, 0.1], fold, folds=3) for fold in range(3)]
    assert [one["train"].tolist() for one in folds] == [[0, 1, 2], [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5, 6, 7]]
    assert all(one["val"].min() == one["train"].max() + 1 for one in folds)
    assert all(one["test"].tolist() == [11] for one in folds)


def test_times_that_are_all_alike_are_refused():
    with pytest.raises(UserError, match=r"data.time_column: 1 different times in 12 rows leave none for the"):
        split_times(np.zeros(12), FRACTIONS)


def data(split: list[float], fold: int | None = None, **beside: np.ndarray) -> DataModule:
    spec = DataSpec("classification", (1,), "float32", 2, ("ant", "bee"))
    rows = Rows(NUMBERS.astype(np.float32)[:, None], NUMBERS % 2)
    return DataModule(Dataset(spec, rows, "rows.npy", beside=Beside(**beside)), 4, 0, split, 0, 0, fold=fold, folds=2)


def test_a_column_says_which_row_is_where_and_val_is_cut_from_train_where_it_says_nothing():
    words = ["Train"] * 8 + ["dev"] * 2 + ["test"] * 2
    said = data([0.5, 0.2, 0.3], splits=splits_from(words, "x"))
    assert [said.row_numbers_of(name).tolist() for name in SPLITS] == [[0, 1, 2, 3, 4, 5, 6, 7], [8, 9], [10, 11]]
    flags = data([0.6, 0.2, 0.2], splits=splits_from(["false"] * 8 + ["true"] * 4, "x"))
    assert flags.row_numbers_of("test").tolist() == [8, 9, 10, 11]
    assert [flags.row_count(name) for name in ("train", "val")] == [6, 2]
    assert data([0.6, 0.2, 0.2], fold=1, splits=splits_from(["no"] * 8 + ["yes"] * 4, "x")).row_count("val") == 4


SAID = np.array([0] * 8 + [1] * 2 + [2] * 2, np.int8)


@pytest.mark.parametrize(
    ("beside", "fold", "line"),
    [
        ({"splits": SAID}, 0, "data.fold: data.splits says already which rows validate; leave out one"),
        ({"splits": SAID, "times": NUMBERS}, None, "data.times, data.splits: both say which rows test"),
        ({"groups": NUMBERS, "times": NUMBERS}, None, "data.times, data.groups: a group may lie on both sides"),
        ({"splits": SAID, "groups": NUMBERS // 3}, None, "data.splits: rows 6 and 8 are of one group of data.groups"),
        ({"splits": np.full(12, 2, np.int8)}, None, "data.splits: no row trains"),
        ({"weights": np.repeat([0.0, 1], 6), "splits": SAID[::-1]}, None, "data.weights: every row of the val split"),
    ],
)
def test_what_contradicts_itself_is_refused_in_a_line(beside, fold, line):
    with pytest.raises(UserError, match=line):
        data([0.6, 0.2, 0.2], fold, **beside)


def test_a_group_is_not_in_a_file_of_its_own_too():
    base = data([1.0, 0.0, 0.0])._as_read
    shared = replace(base, test=base.rows, beside=Beside(groups=NUMBERS), test_beside=Beside(groups=NUMBERS + 11))
    with pytest.raises(UserError, match=r"data.groups: 1 group is in both files \(row 11 of rows.npy and row 0 of the"):
        DataModule(shared, 4, 0, [0.8, 0.2, 0.0], 0, 0)


@pytest.mark.parametrize(
    ("weights", "what"),
    [([1, -1], "row 1 has a negative one"), ([np.nan, 1], "row 0 has none"), ([0, 0], "every row weighs 0")],
)
def test_weights_that_are_none_are_refused(weights, what):
    with pytest.raises(UserError, match=what):
        checked_weights(np.array(weights, np.float64), "data.weights: w.npy")


def test_words_that_nobody_knows_are_refused():
    with pytest.raises(UserError, match="x: row 1 is 'later'; expected train, val and test, or true and false"):
        splits_from(["train", "later"], "x")
    with pytest.raises(UserError, match="x: row 0 is empty"):
        splits_from([""], "x")


def test_what_is_said_of_rows_counts_in_the_fingerprint():
    names = {
        data([0.6, 0.2, 0.2], **beside).fingerprint for beside in ({}, {"groups": NUMBERS}, {"times": NUMBERS + 1})
    }
    assert len(names) == 3
