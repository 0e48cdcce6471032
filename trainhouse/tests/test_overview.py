"""A run's first lines say what the data is, the task and why, and what a constant prediction reaches."""

import numpy as np
import pytest

from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.overview import data_lines, heavy_tails, own_data_lines, task_lines
from trainhouse.arrays.spec import Dataset, DataSpec, Rows
from trainhouse.machine.numbers import format_number
from trainhouse.tests.common import run_script

N = 200
X = np.zeros((N, 1), dtype=np.float32)


def data(y, split=(0.5, 0.25, 0.25), **facts):
    task = "classification" if facts.get("classes") else "regression"
    spec = DataSpec(task, (1,), "float32", len(facts.get("classes", ())) or y.shape[1], **facts)
    return DataModule(Dataset(spec, Rows(X, y), "x", reason="why"), 8, 0, list(split), 0, seed=0)


def test_classes_are_counted_and_the_most_frequent_one_is_the_baseline():
    y = np.array([0, 1, 1, 2, 1] * 40)
    y[:9] = 0
    made = data(y, classes=("ant", "bee", "cow"))
    val, test = (y[made.parts[split][1]] for split in ("val", "test"))
    assert data_lines(made) == [
        "x: 200 rows: 100 train, 50 val, 50 test",
        f"1 number; classes ant {np.sum(y == 0)}, bee {np.sum(y == 1)}, cow {np.sum(y == 2)}",
    ]
    assert task_lines(made) == [
        "classification: why",
        f"baseline, always bee: val/acc {np.mean(val == 1):.4f}, test/acc {np.mean(test == 1):.4f}",
    ]


def test_a_target_whose_variance_is_that_of_a_few_rows_is_named():
    y = np.random.RandomState(0).randn(N, 2).astype(np.float32)
    assert heavy_tails(data(y, targets=("a", "price"))) == []
    made = data(y, targets=("a", "price"))
    y[made.parts["train"][1][7], 1] = 1e30
    (line,) = heavy_tails(made)
    assert line.startswith("target price: 1 of 100 training rows make 99% of its variance, so a squared error goes by")
    assert "logarithm" not in line  # of targets below 0
    np.abs(y, out=y)
    assert heavy_tails(made) == [f"{line}; its logarithm may be a better target"]


@pytest.mark.parametrize(
    ("shape", "dtype", "said"),
    [
        ((3, 8, 8), "uint8", "images 3 x 8 x 8"),
        ((28, 28), "uint8", "images 28 x 28"),
        ((50, 2), "float32", "50 steps of 2"),
        ((2, 3, 4, 5), "float32", "rows 2 x 3 x 4 x 5"),
        ((1200,), "float32", "1,200 numbers"),
    ],
)
def test_what_a_row_holds_is_said(shape, dtype, said):
    spec = DataSpec("classification", shape, dtype, 2, ("a", "b"))
    rows = Rows(np.zeros((40, *shape), dtype=dtype), np.arange(40) % 2)
    made = DataModule(Dataset(spec, rows, "x"), 8, 0, [0.5, 0.25, 0.25], 0, seed=0)
    assert data_lines(made)[1] == f"{said}; classes a 20, b 20"


def test_columns_are_counted_by_kind_and_so_is_what_training_rows_lack():
    x = np.zeros((N, 3), dtype=np.float32)
    x[:, 2] = np.arange(N) % 3 - 1  # the code of a text that is missing is -1
    x[::2, 1] = np.nan
    spec = DataSpec(
        "regression", (3,), "float32", 1, columns=("a", "b", "c"), categories={"c": ("u", "v")}, missing="mean"
    )
    made = DataModule(Dataset(spec, Rows(x, np.arange(N, dtype=np.float32)[:, None]), "x"), 8, 0, [0.5, 0.5, 0], 0, 0)
    train = made.parts["train"][1]
    lacking = {"b": int(np.isnan(x[train, 1]).sum()), "c": int((x[train, 2] < 0).sum())}
    assert lacking["b"] > lacking["c"] > 0
    assert data_lines(made)[1] == f"3 columns, 1 of text; missing in train: b {lacking['b']}, c {lacking['c']}"


def test_a_datamodule_of_ones_own_has_its_rows_and_its_short_facts():
    facts = {"vocab_size": 59, "names": ["a"] * 20, "table": {"a": 1}, "size": [2, 3]}
    assert own_data_lines("Own", {"train": 1200, "val": 0}, facts) == [
        "Own: 1,200 train",
        "facts vocab_size 59, size [2, 3]",
    ]
    assert own_data_lines("Own", {}, {}) == ["Own"]


@pytest.mark.parametrize("offset", [0.0, 1024.0])
def test_targets_have_their_mean_and_range_and_the_training_mean_is_the_baseline(offset):
    y = (np.random.RandomState(0).randint(-50, 50, (N, 2)) / 4 + offset).astype(np.float32)
    made = data(y, targets=("kg", "cm"))
    lines = task_lines(made)
    assert lines[0] == "regression: why"
    for place, name in enumerate(("kg", "cm")):
        column = y[:, place].astype(np.float64)
        assert lines[1 + 2 * place] == (
            f"target {name}: mean {column.mean():.6g}, from {column.min():.6g} to {column.max():.6g}"
        )
        train, val, test = (column[made.parts[split][1]] for split in ("train", "val", "test"))
        rmse = [format_number(np.sqrt(np.square(part - train.mean()).mean())) for part in (val, test)]
        assert lines[2 + 2 * place] == (f"baseline, always {train.mean():.6g}: val/rmse {rmse[0]}, test/rmse {rmse[1]}")


def test_a_large_baseline_has_the_digits_that_it_needs():
    y = (np.arange(N) * 1000).astype(np.float32)[:, None]
    assert "e+" not in task_lines(data(y))[-1]
    assert "val/rmse 5" in task_lines(data(y))[-1]


def test_a_split_without_rows_has_no_baseline():
    lines = task_lines(data(np.array([0, 1] * 100), split=(0.8, 0.2, 0.0), classes=("a", "b")))
    assert "val/acc" in lines[1]
    assert "test/acc" not in lines[1]


@pytest.mark.parametrize("count", [2, 12, 60])
def test_lines_fit_into_80_columns(count):
    names = tuple(f"a species with a long name, number {number}" for number in range(count))
    made = data(np.arange(N) % count, split=(0.6, 0.4, 0.0) if count > 50 else (0.5, 0.25, 0.25), classes=names)
    lines = data_lines(made)
    assert max(map(len, [*lines, *task_lines(made)])) <= 72
    if count > 5:
        shown = lines[1].count("a species")
        assert lines[1].endswith(f", and {count - shown} more")
    many = data(np.random.RandomState(0).standard_normal((N, 9)), targets=tuple(f"target {i}" for i in range(9)))
    assert task_lines(many)[-1] == "and 4 more targets"


def test_a_run_begins_with_its_task(tmp_path):
    y = np.array(["no", "yes", "no", "no"] * 50)
    rows = "".join(f"{a},{label}\n" for a, label in zip(np.random.RandomState(0).standard_normal(N), y, strict=True))
    (tmp_path / "t.csv").write_text("a,y\n" + rows)
    options = ["data=csv", "data.file=t.csv", "data.target=y", "trainer.max_epochs=1", "hydra.run.dir=run"]
    done = run_script("train.py", *options, "logger=none", "trainer=cpu", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    changed, *first = done.stdout.splitlines()[:7]
    assert changed == "  ".join(
        ["changed", *(one for one in options if "hydra" not in one), "logger=none", "trainer=cpu"]
    )
    assert [line[:8] for line in first] == ["data    ", "        ", "task    ", "        ", "model   ", "folder  "]
    assert first[:4] == [
        "data    t.csv: 200 rows: 160 train, 20 val, 20 test",
        "        1 column; classes no 150, yes 50",
        "task    classification: text",
        "        baseline, always no: val/acc 0.7500, test/acc 0.7500",
    ]
    assert max(map(len, first)) <= 80
