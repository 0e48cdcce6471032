"""A column that may number the rows in another way is named, and left out if it is called an index."""

import logging
from pathlib import Path

import numpy as np
import pytest

from trainhouse.arrays.npy import read_npy
from trainhouse.tests.test_row_numbers import NOISE, ROWS, SHUFFLED, SORTED, table

GAPS = np.sort(np.random.RandomState(2).permutation(10 * ROWS)[:ROWS])
ONE_EMPTY = [*range(7), "", *range(8, ROWS)]
IN_ORDER = {
    "years": range(1960, 1960 + ROWS),
    "steps": range(0, 10 * ROWS, 10),
    "from 2": range(2, 2 + ROWS),
    "gaps": GAPS,
    "reversed": range(ROWS)[::-1],
    "with a decimal point": [f"{row}.0" for row in GAPS],
    "one empty": ONE_EMPTY,
}


@pytest.mark.parametrize("cells", IN_ORDER.values(), ids=IN_ORDER)
def test_whole_numbers_in_order_stay_a_feature_with_a_warning(tmp_path, caplog, cells):
    for _ in range(2):  # the second time from what was converted
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert table(tmp_path, "year", cells).spec.columns == ("year", "a", "b")
        assert caplog.messages == [
            f"warning: {tmp_path}/t.csv: column year: whole numbers in order, which may number the rows; leave out "
            "with data.drop=[year], or set data.keep_index=true"
        ]
    caplog.clear()
    assert table(tmp_path, "year", cells, keep_index=True).spec.columns == ("year", "a", "b")
    assert not caplog.messages


@pytest.mark.parametrize("name", ["id", "index", "Unnamed: 0", "", "row", "rownames"])
@pytest.mark.parametrize("cells", IN_ORDER.values(), ids=IN_ORDER)
def test_they_are_left_out_if_they_are_called_an_index(tmp_path, caplog, name, cells):
    with caplog.at_level(logging.WARNING):
        assert table(tmp_path, name, cells).spec.columns == ("a", "b")
    assert ["row numbers are left out" in message for message in caplog.messages] == [True]


NOT_IN_ORDER = {
    "not whole": np.sort(NOISE[:, 0]),
    "one twice": [*range(5, 4 + ROWS), 3 + ROWS],
    "one out of order": [*range(5, 4 + ROWS), 0],
    "shuffled": SHUFFLED + 10,
    "few": [*range(3, 20), *[""] * (ROWS - 17)],
}


@pytest.mark.parametrize("cells", NOT_IN_ORDER.values(), ids=NOT_IN_ORDER)
def test_other_numbers_are_features_without_a_word(tmp_path, caplog, cells):
    with caplog.at_level(logging.WARNING):
        assert table(tmp_path, "year", cells).spec.columns == ("year", "a", "b")
    assert not caplog.messages


def read_array(folder: Path, numbers: object, place: int, keep_index: bool = False):
    np.save(folder / "x.npy", np.insert(NOISE, place, list(numbers), axis=1))
    np.save(folder / "y.npy", SORTED)
    return read_npy(str(folder / "x.npy"), str(folder / "y.npy"), keep_index=keep_index)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_column_of_an_array_is_left_out_only_if_it_counts_the_rows(tmp_path, caplog, place):
    with caplog.at_level(logging.WARNING):
        assert read_array(tmp_path, range(ROWS), place).spec.unused_places == (place,)
        assert "counts the rows and is left out" in caplog.messages.pop()
        for numbers in (GAPS, range(ROWS)[::-1], range(2, 2 + ROWS), range(0, 10 * ROWS, 10)):
            caplog.clear()
            assert read_array(tmp_path, numbers, place).spec.unused_places == ()
            assert caplog.messages == [
                f"warning: column {place} of {tmp_path}/x.npy has whole numbers in order, which may number the rows; "
                "take it out, or set data.keep_index=true"
            ]
        caplog.clear()
        read_array(tmp_path, GAPS, place, keep_index=True)
        read_array(tmp_path, SHUFFLED * 2, place)
        read_array(tmp_path, [*GAPS[:-1], 0], place)
        assert not caplog.messages
