"""What is said of rows is said in good English where there is one of them."""

import numpy as np
import pytest

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.spec import Dataset, DataSpec, Rows
from trainhouse.configuration.errors import UserError
from trainhouse.predicting.measured_rows import _identical_line
from trainhouse.tables.read_table import read_table
from trainhouse.training.data_card import card_of, with_earlier

SPEC = DataSpec("regression", (2,), "float32", 1)


def data(copies):
    """Rows of which so many of the test split are rows of the training split."""
    x = np.random.RandomState(0).standard_normal((50, 2)).astype(np.float32)
    plain = DataModule(Dataset(SPEC, Rows(x, x[:, :1]), "x"), 8, 0, [0.8, 0.1, 0.1], 0, seed=0)
    train, test = (plain.row_numbers_of(split) for split in ("train", "test"))
    x[test[:copies]] = x[train[:copies]]
    return DataModule(Dataset(SPEC, Rows(x, x[:, :1]), "x"), 8, 0, [0.8, 0.1, 0.1], 0, seed=0)


@pytest.mark.parametrize(
    ("copies", "says"),
    [
        (1, ("1 of 5 test rows is identical to a train row (rows ", "so it says little of new ones")),
        (2, ("2 of 5 test rows are identical to train rows (rows ", "so they say little of new ones")),
    ],
)
def test_rows_in_two_splits_are_counted(copies, says):
    (note,) = card_of(data(copies), 0).notes
    assert note.startswith(says[0])
    assert note.endswith(says[1])


def test_a_test_row_that_earlier_weights_have_seen_is_counted():
    plain, one = card_of(data(0), 0), data(1)
    (note,) = with_earlier(plain, one, plain.seen).notes
    seen = "is identical to a row that the weights of init_from have seen"
    assert note == f"1 of 5 test rows {seen}, so it says little of new ones"


def test_a_row_that_the_model_has_seen_is_counted():
    known = "that it was trained or validated on; rows of its data repeat, so"
    assert _identical_line("1", True) == f"1 of these rows is identical to a row {known} it may be new all the same"
    assert _identical_line("30", True) == f"30 of these rows are identical to rows {known} they may be new all the same"


@pytest.mark.parametrize(
    ("labels", "line"),
    [
        (["1.5", ""], "1 row has no label in column y: row 1; delete it, or "),
        (["", "1.5", ""], "2 rows have no label in column y; the first is row 0; delete them, or "),
    ],
)
def test_rows_without_a_label_are_named_with_what_to_do(tmp_path, labels, line):
    def read(name, labels, **arguments):
        (tmp_path / name).write_text("a,y\n" + "".join(f"1.{row},{label}\n" for row, label in enumerate(labels)))
        return read_table(str(tmp_path / name), "y", str(tmp_path / "processed"), **arguments)

    with pytest.raises(UserError) as error:
        read("t.csv", labels)
    way = "; data.unlabelled=drop leaves such rows out"
    assert str(error.value) == f"data.file: {tmp_path}/t.csv: {line}name another column in data.target{way}"
    model = read("whole.csv", ["1.5", "2.5"]).spec
    with pytest.raises(UserError) as error:
        read("t.csv", labels, like=model)
    assert str(error.value) == f"data.file: {tmp_path}/t.csv: {line}predict without labels, with infer.py{way}"
