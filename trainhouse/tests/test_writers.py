"""Prediction files: the same values in every format, whole or not there."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from src.evaluation.tasks import TASKS
from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.errors import UserError
from trainhouse.reports.writers import check_output, class_array, open_writer
from trainhouse.tests.tiny import CLASSES, TARGETS

ENDINGS = [".csv", ".parquet", ".npy", ".jsonl"]
NAMES = DataSpec("classification", (4,), "float32", 3, ('a, "b"', "Köln", "c"))
NUMBERS = DataSpec("classification", (4,), "float32", 3, ("0", "1", "7"))
ONE_TARGET = DataSpec("regression", (4,), "float32", 1)


def batches(spec: DataSpec) -> Iterator[dict[str, np.ndarray]]:
    """Yield 3, 1 and 8 rows."""
    values = np.random.RandomState(0).standard_normal((12, spec.outputs)).astype(np.float32)
    for start, end in ((0, 3), (3, 4), (4, 12)):
        yield TASKS[spec.task].prediction_columns(spec, values[start:end])


def read_back(path: Path) -> dict[str, list[Any]]:
    if path.suffix == ".npy":
        array = np.load(path)
        return {name: array[name].tolist() for name in array.dtype.names}
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pydict()
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    else:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("spec", [CLASSES, NAMES, NUMBERS, TARGETS, ONE_TARGET])
def test_what_is_written_in_batches_is_read_back_whole(spec: DataSpec, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows{ending}"
    with open_writer(path) as writer:
        for columns in batches(spec):
            writer.write(columns)
    parts = list(batches(spec))
    expected = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    found = read_back(path)
    assert list(found) == list(expected)
    for name, column in expected.items():
        assert np.array(found[name]).astype(column.dtype).tolist() == column.tolist(), name
    assert list(tmp_path.iterdir()) == [path]


def test_the_npy_header_counts_all_rows_and_keeps_its_types(tmp_path: Path) -> None:
    path = tmp_path / "rows.npy"
    with open_writer(path) as writer:
        for _ in range(1001):
            writer.write({"prediction": np.array(["a", "long"]), "probability_a": np.zeros(2, np.float32)})
    array = np.load(path, mmap_mode="r")
    assert array.shape == (2002,)
    assert array.dtype == [("prediction", "<U4"), ("probability_a", "<f4")]
    assert array[-1]["prediction"] == "long"


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        (CLASSES, ["prediction", "probability_a", "probability_b", "probability_c"]),
        (TARGETS, ["prediction_u", "prediction_v"]),
        (ONE_TARGET, ["prediction"]),
    ],
)
def test_columns_are_named_after_classes_and_targets(spec: DataSpec, names: list[str]) -> None:
    assert list(next(batches(spec))) == names


def test_the_prediction_is_the_likeliest_class() -> None:
    values = np.array([[0.2, 0.7, 0.1], [0.1, 0.2, 0.7]], np.float32)
    assert TASKS[NUMBERS.task].prediction_columns(NUMBERS, values)["prediction"].tolist() == [1, 7]
    assert TASKS[NAMES.task].prediction_columns(NAMES, values)["prediction"].tolist() == ["Köln", "c"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("0", "1", "10"), [0, 1, 10]),
        (("-1", "1"), [-1, 1]),
        (("0", "1", "other"), ["0", "1", "other"]),
        (("01", "1"), ["01", "1"]),
        (("0.5", "1.5"), ["0.5", "1.5"]),
    ],
)
def test_class_names_are_numbers_only_if_all_are_whole_numbers(names: tuple[str, ...], expected: list[Any]) -> None:
    assert class_array(names).tolist() == expected


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_error_between_two_batches_leaves_what_was_there_before(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows{ending}"
    path.write_text("older")

    def write_one_batch_and_fail() -> None:
        with open_writer(path) as writer:
            writer.write(next(batches(CLASSES)))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_one_batch_and_fail()
    assert path.read_text() == "older"
    path.unlink()
    with pytest.raises(RuntimeError, match="stop"):
        write_one_batch_and_fail()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["rows", "rows.txt", "rows.csv.gz", "rows.CSVX"])
def test_an_unknown_ending_is_refused_with_those_that_are_known(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"^output: expected .*\.csv, \.parquet, \.jsonl, \.npy, got .*{name}$"):
        check_output(tmp_path / name)


def test_a_folder_is_no_output(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").mkdir()
    with pytest.raises(UserError, match=r"^output: .*rows\.csv is a folder$"):
        check_output(tmp_path / "rows.csv")


def test_looking_makes_no_folder(tmp_path: Path) -> None:
    check_output(tmp_path / "new" / "below" / "rows.csv")
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no file system that refuses every folder")
def test_a_place_that_can_not_be_written_is_no_output(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"^output: .*file is a file, so nothing can be written below it$"):
        check_output(tmp_path / "file" / "rows.csv")
    with pytest.raises(UserError, match=r"^output: cannot write to /proc/nowhere: "):
        check_output(Path("/proc/nowhere/rows.csv"))
