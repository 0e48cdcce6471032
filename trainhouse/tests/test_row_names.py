"""Equal rows have equal names, and others have others, however they are kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from trainhouse.arrays import seen
from trainhouse.arrays.learned import coded_for, with_codes_of
from trainhouse.arrays.seen import NamedRows, SeenRows, row_names, twins
from trainhouse.arrays.spec import Dataset, DataSpec, Rows


@pytest.mark.parametrize(
    "x",
    [
        np.random.RandomState(0).standard_normal((500, 3)).astype(np.float32),
        np.random.RandomState(0).randint(0, 256, (500, 5, 5)).astype(np.uint8),
        np.stack(np.meshgrid(*[np.arange(8)] * 3), -1).reshape(-1, 3).astype(np.float32),
        np.eye(300, dtype=np.float32),
    ],
    ids=["numbers", "bytes", "a grid of small whole numbers", "zeros but for one"],
)
def test_equal_rows_have_equal_names_and_others_have_others(x: np.ndarray) -> None:
    numbers = np.arange(len(x))
    names = row_names(x, numbers)
    assert len(np.unique(names)) == len(np.unique(x.reshape(len(x), -1), axis=0)) == len(x)
    np.testing.assert_array_equal(row_names(np.asfortranarray(x), numbers[::-1]), names[::-1])
    np.testing.assert_array_equal(row_names(np.concatenate([x, x]), numbers + len(x)), names)


def test_a_missing_number_is_the_same_as_another_and_so_is_a_zero_with_a_sign() -> None:
    other_nan = np.array([0x7FC00001], np.uint32).view(np.float32)[0]
    names = row_names(np.array([[np.nan, 0.0], [other_nan, -0.0]], np.float32), np.arange(2))
    assert names[0] == names[1]


def test_the_same_numbers_in_another_dtype_are_the_same_rows():
    x = np.random.RandomState(0).standard_normal((9, 3))
    numbers = np.arange(9)
    np.testing.assert_array_equal(row_names(x, numbers), row_names(x.astype(np.float32), numbers))
    whole = np.arange(27).reshape(9, 3)
    np.testing.assert_array_equal(row_names(whole, numbers), row_names(whole.astype(np.float64), numbers))
    far = np.array([[1.7e9], [1.7e9 + 1]])
    assert len({*row_names(far, np.arange(2), wide=True)}) == 2


def test_rows_are_known_in_the_codes_of_each_model_that_has_learned_other_texts():
    """Two folds of a file with the texts a to d: one has learned a, b and d, the other b and c."""
    texts = ("a", "b", "c", "d")
    whole = DataSpec("regression", (1,), "float32", 1, columns=("letter",), categories={"letter": texts})
    x = np.array([[0], [1], [2], [3], [-1]], np.float32)
    dataset = Dataset(whole, Rows(x, x), "letters")
    learned = {known: replace(whole, categories={"letter": known}) for known in (("a", "b", "d"), ("b", "c"))}
    specs = {
        known: replace(spec, unlearned={"letter": tuple(text for text in texts if text not in known)})
        for known, spec in learned.items()
    }
    for known in specs:
        trained_on = coded_for(dataset, specs[known]).rows
        for other in specs:
            served = coded_for(dataset, specs[other])
            np.testing.assert_array_equal(with_codes_of(served.rows, served.spec, specs[known]).x, trained_on.x)


def test_of_very_many_rows_some_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "_MOST_ROWS", 1024)
    x = np.arange(5000, dtype=np.float32).reshape(-1, 1)
    named = NamedRows.of(Rows(x, x), None)
    assert (len(named.names), named.total, named.numbers[0], named.numbers[-1]) == (1024, 5000, 0, 4999)
    found = SeenRows.of(named)
    assert not found.is_complete
    assert found.known(row_names(x, np.arange(5000))).sum() == 1024


def test_names_are_kept_as_plain_data(tmp_path: Path) -> None:
    before = SeenRows(np.array([1, 2**63 + 5], np.uint64), 7)
    torch.save(before.to_dict(), tmp_path / "x.pt")
    after = SeenRows.from_dict(torch.load(tmp_path / "x.pt", weights_only=True))
    np.testing.assert_array_equal(after.names, before.names)
    assert after.total == 7
    for damaged in ({"names": [1], "total": 1}, {"names": torch.zeros(2, 2).long(), "total": 1}, {"names": None}):
        with pytest.raises((TypeError, KeyError)):
            SeenRows.from_dict(damaged)


@pytest.mark.parametrize(("each", "total"), [(1, 1500), (10, 1500)])
def test_what_was_seen_before_is_added_once_however_often_a_run_is_resumed(each: int, total: int) -> None:
    names = np.arange(1500, dtype=np.uint64)
    own, earlier = SeenRows(names[:1000:each], 1000), SeenRows(names[1000::each], 500)
    found = own.with_those_of(earlier)
    assert (len(found.names), found.total, found.is_complete) == (1500 // each, total, each == 1)
    again = own.with_those_of(found)
    assert (again.names.tolist(), again.total) == (found.names.tolist(), found.total)


def test_twins_are_counted_and_the_first_pair_is_named() -> None:
    x = np.array([[1], [2], [3], [2], [3], [9]], np.float32)
    rows = Rows(x, np.zeros(6, np.int64))
    train, test = NamedRows.of(rows, np.array([0, 1, 2])), NamedRows.of(rows, np.array([3, 4, 5]))
    found = twins(test, train)
    assert found is not None
    assert (found.count, found.named, found.first) == (2, 3, (3, 1))
    assert twins(NamedRows.of(rows, np.array([5])), train) is None
