"""Which rows train, validate and test: every row once, in proportion, by the seed alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.spec import Dataset, DataSpec, Rows
from trainhouse.arrays.split import SPLITS, split_rows
from trainhouse.configuration.errors import UserError

FRACTIONS = [0.7, 0.2, 0.1]
BALANCED = np.arange(1000) % 5
TARGETS = np.zeros((1000, 2), np.float32)


def module(y: np.ndarray, split: list[float], fold: int | None = None, **own: Rows) -> DataModule:
    spec = DataSpec("classification", (1,), "float32", 3, ("ant", "bee", "cow"))
    rows = Rows(np.arange(len(y), dtype=np.float32)[:, None], y)
    return DataModule(Dataset(spec, rows, "rows.npy", **own), 4, 0, split, split_seed=0, seed=0, fold=fold)


@given(
    y=st.lists(st.integers(0, 4), min_size=20, max_size=200),
    parts=st.lists(st.integers(1, 10), min_size=3, max_size=3),
    seed=st.integers(0, 2**32 - 1),
)
@settings(derandomize=True, database=None, deadline=None)
def test_every_row_is_in_exactly_one_split_of_the_asked_size(y, parts, seed):
    fractions = [part / sum(parts) for part in parts]
    splits = split_rows(np.array(y), fractions, seed)
    assert np.sort(np.concatenate([splits[name] for name in SPLITS])).tolist() == list(range(len(y)))
    for name, fraction in zip(SPLITS, fractions, strict=True):
        assert abs(len(splits[name]) - fraction * len(y)) <= 1
        assert (np.diff(splits[name]) > 0).all()


@pytest.mark.parametrize("y", [BALANCED, TARGETS], ids=["classes", "targets"])
def test_the_seed_alone_decides_which_rows_go_where(y):
    first, again, other = (split_rows(y, FRACTIONS, seed)["val"] for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert len(np.intersect1d(first, other)) < len(first)


def test_every_split_has_the_classes_in_the_same_proportions():
    y = np.repeat([0, 1, 2], [900, 90, 10])
    for name, rows in split_rows(y, FRACTIONS, seed=0).items():
        share = dict(zip(SPLITS, FRACTIONS, strict=True))[name]
        assert np.abs(np.bincount(y[rows], minlength=3) - share * np.array([900, 90, 10])).max() <= 1.5


def test_a_fraction_of_zero_gives_an_empty_split():
    splits = split_rows(BALANCED, [0.9, 0.1, 0.0], seed=0)
    assert [len(splits[name]) for name in SPLITS] == [900, 100, 0]


@given(
    y=st.lists(st.integers(0, 4), min_size=30, max_size=200),
    parts=st.lists(st.integers(1, 10), min_size=3, max_size=3),
    folds=st.integers(2, 7),
    seed=st.integers(0, 2**32 - 1),
)
@settings(derandomize=True, database=None, deadline=None)
def test_every_row_but_those_of_the_test_split_validates_in_one_fold_and_trains_in_the_others(y, parts, folds, seed):
    y, fractions = np.array(y * 10), [part / sum(parts) for part in parts]
    whole = split_rows(y, fractions, seed)
    cut = [split_rows(y, fractions, seed, fold, folds) for fold in range(folds)]
    rest = np.sort(np.concatenate([whole["train"], whole["val"]]))
    np.testing.assert_array_equal(np.sort(np.concatenate([splits["val"] for splits in cut])), rest)
    share = np.bincount(y[rest], minlength=5) / folds
    for splits in cut:
        np.testing.assert_array_equal(splits["test"], whole["test"])
        np.testing.assert_array_equal(np.sort(np.concatenate([splits["train"], splits["val"]])), rest)
        assert (np.diff(splits["val"]) > 0).all()
        assert np.abs(np.bincount(y[splits["val"]], minlength=5) - share).max() <= 2


def test_the_fraction_of_the_validation_split_has_no_influence_on_folds():
    first, other = (split_rows(BALANCED, split, 3, 1, 4) for split in ([0.7, 0.2, 0.1], [0.2, 0.7, 0.1]))
    for name in SPLITS:
        np.testing.assert_array_equal(first[name], other[name])


def test_folds_of_data_that_does_not_allow_them_are_refused():
    y = np.arange(60) % 3
    with pytest.raises(UserError, match=r"^data\.fold: rows\.npy has a validation split of its own"):
        module(y, FRACTIONS, fold=0, val=Rows(np.zeros((5, 1), np.float32), y[:5]))
    with pytest.raises(UserError, match=r"^data\.folds: 4 of 6 rows are too few for 5 folds"):
        split_rows(y[:6], [0.4, 0.2, 0.4], seed=0, fold=0)
    few = np.array([0, 2] * 20 + [1])
    with pytest.raises(UserError, match=r"^data\.folds: class bee has too few rows .*split; leave that class out"):
        [module(few, [0.8, 0.2, 0.0], fold=fold) for fold in range(5)]


@pytest.mark.parametrize("y", [np.array([0, 1, 0]), np.zeros((3, 1))], ids=["classes", "targets"])
def test_too_few_rows_for_a_split_are_refused_with_its_name(y):
    with pytest.raises(UserError, match=r"data\.split: 0\.1 of 3 rows is none for the test split"):
        split_rows(y, [0.8, 0.1, 0.1], seed=0)


def test_a_class_that_the_training_split_would_not_see_is_refused_by_its_name():
    with pytest.raises(UserError, match=r"data\.split: class bee has too few rows in rows\.npy"):
        module(np.array([0, 2] * 10), FRACTIONS)


def test_a_split_with_rows_of_its_own_takes_none_of_the_others():
    y = np.arange(60) % 3
    own = Rows(np.zeros((5, 1), np.float32), y[:5])
    data = module(y, [0.5, 0.25, 0.25], test=own)
    assert {name: data.row_count(name) for name in (*SPLITS, "all")} == {"train": 40, "val": 20, "test": 5, "all": 60}


def test_evaluating_an_empty_split_is_refused_by_its_name():
    data = module(np.arange(60) % 3, [0.8, 0.2, 0.0])
    assert list(data.test_dataloader()) == []
    with pytest.raises(UserError, match=r"data\.split: the test split of rows\.npy has no rows"):
        data.eval_batches("test")


@pytest.mark.parametrize("fractions", [(0.7, 0.2, 0.1), (0.6, 0.3, 0.1), (0.65, 0.2, 0.15)])
def test_the_test_rows_are_the_same_with_folds_and_without(fractions: tuple[float, float, float]) -> None:
    for rows in range(20, 60):
        y = np.arange(rows) % 2
        whole = split_rows(y, fractions, seed=1)["test"]
        assert np.array_equal(split_rows(y, fractions, seed=1, fold=0)["test"], whole)
