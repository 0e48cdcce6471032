"""Row numbers that pandas and R write are no features, unless they are asked for."""

import logging
from pathlib import Path

import numpy as np
import pytest

from trainhouse.arrays.npy import read_npy
from trainhouse.arrays.row_numbers import counts_rows
from trainhouse.arrays.spec import Dataset
from trainhouse.configuration.errors import UserError
from trainhouse.tables.read_table import read_table

ROWS = 60
NOISE = np.random.RandomState(0).standard_normal((ROWS, 2)).round(3)
SORTED = np.repeat([0, 1], ROWS // 2)
SHUFFLED = np.random.RandomState(1).permutation(ROWS)


def table(folder: Path, name: str, cells: object, **options: bool) -> Dataset:
    """Read a table of two features `a`, `b` and the label `y`, with one more column in front."""
    lines = [f"{cell},{a},{b},{y}" for cell, (a, b), y in zip(cells, NOISE.tolist(), SORTED, strict=True)]
    (folder / "t.csv").write_text("\n".join([f"{name},a,b,y", *lines]) + "\n")
    return read_table(str(folder / "t.csv"), "y", str(folder / "processed"), **options)


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("", range(ROWS)),
        ('""', range(1, ROWS + 1)),
        ("", SHUFFLED),
        ("", range(1000, 1000 + ROWS)),
        ("", [f"Mazda {row}" for row in range(ROWS)]),
        ("Unnamed: 0", SHUFFLED),
        ("PassengerId", range(1, ROWS + 1)),
        ("n", [f"{row}.0" for row in range(ROWS)]),
        ("index", SHUFFLED),
        ("rownames", SHUFFLED + 1),
    ],
)
def test_row_numbers_are_left_out_and_named(tmp_path, caplog, name, cells):
    for _ in range(2):  # the second time from what was converted
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert table(tmp_path, name, cells).spec.columns == ("a", "b")
        shown = f"column {name}" if name.strip('"') else "the column without a name"
        assert caplog.messages == [
            f"warning: {tmp_path}/t.csv: row numbers are left out ({shown}); data.keep_index=true keeps them"
        ]


@pytest.mark.parametrize(
    ("name", "cells"),
    [("rank", SHUFFLED), ("half", [1, 2] * 30), ("x", SHUFFLED * 2)],
)
def test_numbers_that_do_not_count_the_rows_are_features(tmp_path, caplog, name, cells):
    with caplog.at_level(logging.WARNING):
        assert table(tmp_path, name, cells).spec.columns == (name, "a", "b")
    assert not caplog.messages


@pytest.mark.parametrize(("cells", "is_feature"), [(np.linspace(3, 1, ROWS), True), (SHUFFLED, False)])
def test_a_column_without_a_name_among_others_is_a_feature_unless_it_numbers_the_rows(tmp_path, cells, is_feature):
    rows = [f"{row % 7},{cell},{row % 5},{row % 2}" for row, cell in enumerate(cells)]
    (tmp_path / "t.csv").write_text("\n".join(["a,,b,y", *rows]))
    spec = read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "processed")).spec
    assert spec.columns == (("a", "", "b") if is_feature else ("a", "b"))


def test_row_numbers_are_kept_if_asked_for(tmp_path, caplog):
    table(tmp_path, "", range(ROWS))
    caplog.clear()
    kept = read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "processed"), keep_index=True)
    assert kept.spec.columns == ("", "a", "b")
    np.testing.assert_array_equal(kept.rows.x[:, 0], np.arange(ROWS))
    assert not caplog.messages


def test_later_rows_have_the_columns_of_the_model_whether_they_count_or_not(tmp_path):
    spec = table(tmp_path, "n", SHUFFLED).spec
    assert spec.columns == ("n", "a", "b")
    lines = [f"{row},1,2,{row % 2}" for row in range(ROWS)]
    (tmp_path / "u.csv").write_text("\n".join(["n,a,b,y", *lines]))
    later = read_table(str(tmp_path / "u.csv"), "y", str(tmp_path / "processed"), like=spec)
    np.testing.assert_array_equal(later.rows.x[:, 0], np.arange(ROWS))


def test_a_table_of_row_numbers_alone_is_refused_with_the_key(tmp_path):
    (tmp_path / "t.csv").write_text("n,y\n" + "".join(f"{row},{row % 2}\n" for row in range(ROWS)))
    with pytest.raises(UserError, match=r"t\.csv has no features but row numbers \('n'\); data\.keep_index=true"):
        read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "processed"))


@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("has_labels", [True, False], ids=["labels in a file", "label in the last column"])
def test_a_column_of_an_array_that_counts_the_rows_is_left_out(tmp_path, caplog, place, has_labels):
    features = np.insert(NOISE, place, np.arange(ROWS), axis=1)
    np.save(tmp_path / "x.npy", features if has_labels else np.c_[features, SORTED])
    np.save(tmp_path / "y.npy", SORTED)
    files = {"features": str(tmp_path / "x.npy"), "labels": str(tmp_path / "y.npy") if has_labels else None}
    with caplog.at_level(logging.WARNING):
        data = read_npy(**files, task="classification")
    np.testing.assert_array_equal(data.rows.x, NOISE)
    np.testing.assert_array_equal(data.rows.y, SORTED)
    assert data.spec.unused_places == (place,)
    assert [f"column {place} of {tmp_path}/x.npy counts the rows" in message for message in caplog.messages] == [True]
    np.testing.assert_array_equal(read_npy(**files, task="classification", like=data.spec).rows.x, NOISE)
    kept = read_npy(**files, task="classification", keep_index=True)
    np.testing.assert_array_equal(kept.rows.x, features)


def test_a_split_of_its_own_loses_the_same_column(tmp_path):
    np.save(tmp_path / "x.npy", np.c_[np.arange(ROWS), NOISE])
    np.save(tmp_path / "v.npy", np.c_[SHUFFLED, NOISE])
    np.save(tmp_path / "y.npy", SORTED)
    x, v, y = (str(tmp_path / f"{name}.npy") for name in "xvy")
    data = read_npy(x, y, val_features=v, val_labels=y)
    np.testing.assert_array_equal(data.val.x, NOISE)


def test_few_rows_are_counted_by_chance_and_one_wrong_number_among_many_is_none():
    assert not counts_rows(np.array([0, 1]))
    many = np.arange(100_000)
    assert counts_rows(many)
    many[70_001] = 5
    assert not counts_rows(many)
