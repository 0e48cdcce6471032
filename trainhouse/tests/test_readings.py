"""What labels mean is certain, or asked for in one line that names both readings and the key."""

import numpy as np
import pytest

from trainhouse.arrays.labels import encode_targets
from trainhouse.arrays.npy import read_npy
from trainhouse.arrays.readings import read_task
from trainhouse.configuration.errors import UserError
from trainhouse.tables.read_table import read_table

RANDOM = np.random.RandomState(0)
N = 400
YES = np.where(RANDOM.rand(N) < 0.5, "yes", "no").astype("U6")
BINARY = (YES == "yes").astype(int)


def put(labels, row, value):
    changed = labels.copy()
    changed[row] = value
    return changed


@pytest.mark.parametrize(
    ("labels", "task", "reason"),
    [
        (YES, "classification", "text"),
        (BINARY.astype(bool), "classification", "true or false"),
        (BINARY, "classification", "2 whole numbers"),
        (BINARY.astype("u1"), "classification", "2 whole numbers"),
        (np.array([1999, 2008] * 20), "classification", "2 whole numbers"),
        (RANDOM.randint(0, 10, N), "classification", "10 whole numbers; for amounts data.task=regression"),
        (BINARY.astype(float), "classification", "only 0.0, 1.0"),
        (BINARY.astype("f4")[:, None], "classification", "only 0.0, 1.0"),
        (RANDOM.standard_normal(N), "regression", "numbers with fractions"),
        (RANDOM.randint(1, 11, N) / 2, "regression", "numbers with fractions"),
        (RANDOM.randint(100, 9000, N) * 10.0, "regression", "amounts, written with a decimal point"),
        (np.arange(8.0), "regression", "amounts, written with a decimal point"),
        (RANDOM.standard_normal((N, 2)), "regression", "several targets"),
        (RANDOM.randint(0, 3, (N, 2)).astype(float), "regression", "several targets"),
    ],
)
def test_what_can_mean_one_thing_only_is_certain(labels, task, reason):
    assert read_task(labels, None, "y.npy") == (task, reason)
    assert read_task(labels, "regression", "y.npy") == ("regression", "as set")


BOTH = r".*data\.task=(regression|classification).*data\.task=(?!\1)"
DOUBTFUL = {
    "many whole numbers": (RANDOM.randint(12, 45, N), r"33 different labels in 400 rows.*" + BOTH),
    "prices": (np.arange(N) % 150 * 1000, r"150 different labels in 400 rows" + BOTH),
    "no price twice": (np.arange(N) * 7, r"400 different labels in 400 rows are no classes; set data\.task=regression"),
    "whole numbers that hardly come back": (np.arange(30) % 15, r"15 different labels in 30 rows" + BOTH),
    "stars": (RANDOM.randint(1, 6, N) * 1.0, r"5 values, all whole \(1\.0, 2\.0, 3\.0, \.\.\.\)" + BOTH),
    "sorted stars": (np.repeat(np.arange(3.0), 20_000), r"3 values, all whole \(0\.0, 1\.0, 2\.0\)" + BOTH),
    "yes or no several times": (
        RANDOM.randint(0, 2, (N, 3)),
        r"3 columns with nothing but 0 and 1: labels .*data\.task=multilabel; or amounts.*data\.task=regression",
    ),
    "one-hot": (
        np.eye(3)[RANDOM.randint(0, 3, N)],
        r"3 columns with one 1 in each row: classes\? .*number of its class; or labels .*multilabel; or amounts\?",
    ),
    "mistyped text": (
        put(YES, 7, "yse"),
        r"'yse' is the label of row 7 alone of 400: mistyped for 'yes'\?.*data\.task=c",
    ),
    "another case": (
        put(YES, [7, 9], "Yes"),
        r"'Yes' is the label of 2 rows, the first is 7, of 400: mistyped for 'yes'",
    ),
    "a space": (put(YES, 7, "no "), r"'no ' is the label of row 7 alone of 400: mistyped for 'no'\?"),
    "mistyped twice": (put(YES, [7, 8], "yess"), r"'yess' is the label of 2 rows, .*mistyped for 'yes'\?"),
    "mistyped number": (put(BINARY, 7, 11), r"'11' is the label of row 7 alone of 400: mistyped\?.*data\.task=class"),
    "mistyped float": (
        put(BINARY * 1.0, 7, 0.5),
        r"2 values, all whole \(0\.0, 1\.0\), but row 7 is 0\.5: .*data\.task=re",
    ),
    "text in numbers": (
        put(RANDOM.standard_normal(N).round(3).astype("U9"), 7, "12,5"),
        r"399 of 400 labels are numbers, row 7 is '12,5'; mend that row, or set data\.task=classification",
    ),
}


@pytest.mark.parametrize(("labels", "message"), DOUBTFUL.values(), ids=DOUBTFUL.keys())
def test_what_could_be_two_things_is_asked_for_in_one_line(labels, message):
    with pytest.raises(UserError, match=f"^y.npy: {message}") as error:
        read_task(labels, None, "y.npy")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("labels", [labels for labels, _ in DOUBTFUL.values()], ids=DOUBTFUL.keys())
def test_an_answer_ends_the_doubt(labels, task):
    assert read_task(labels, task, "y.npy") == (task, "as set")


def test_a_rare_class_of_a_name_of_its_own_is_one():
    assert read_task(put(YES, [7, 8], "unknown"), None, "y.npy").task == "classification"


def test_the_cell_that_keeps_a_target_from_being_numbers_is_named():
    labels = put(RANDOM.standard_normal(N).round(3).astype("U9"), 7, "12,5")
    with pytest.raises(
        UserError, match=r"399 of 400 labels are numbers, row 7 is '12,5'; mend that row, or leave it out"
    ):
        encode_targets(labels, "t.csv, column y")


def test_both_readers_ask_and_give_the_reason(tmp_path):
    x = RANDOM.standard_normal(N)

    def table(labels, **arguments):
        lines = "".join(f"{a},{y}\n" for a, y in zip(x, labels, strict=True))
        (tmp_path / "t.csv").write_text("a,y\n" + lines)
        return read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "processed"), **arguments)

    def arrays(labels, **arguments):
        np.save(tmp_path / "x.npy", x[:, None])
        np.save(tmp_path / "y.npy", labels)
        return read_npy(str(tmp_path / "x.npy"), str(tmp_path / "y.npy"), **arguments)

    for read, name in ((table, r"t\.csv, column y"), (arrays, r"y\.npy")):
        for _ in range(2):  # a table comes from what was converted then
            data = read(BINARY.astype(float))
            assert (data.spec.task, data.spec.classes, data.reason) == ("classification", ("0", "1"), "only 0.0, 1.0")
            np.testing.assert_array_equal(data.rows.y, BINARY)
        with pytest.raises(UserError, match=f"{name}: 33 different labels"):
            read(DOUBTFUL["many whole numbers"][0])
        assert read(DOUBTFUL["many whole numbers"][0], task="regression").reason == "as set"


def test_columns_of_yes_or_no_are_asked_for_by_their_names(tmp_path):
    pairs = RANDOM.randint(0, 2, (N, 2))
    lines = "".join(f"{a},{u},{v}\n" for a, (u, v) in zip(RANDOM.standard_normal(N), pairs, strict=True))
    (tmp_path / "t.csv").write_text("a,u,v\n" + lines)
    with pytest.raises(UserError, match=r"t\.csv, columns u, v: 2 columns with nothing but 0 and 1"):
        read_table(str(tmp_path / "t.csv"), ["u", "v"], str(tmp_path / "processed"))
