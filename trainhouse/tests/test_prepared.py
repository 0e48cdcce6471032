"""What was worked out of the data is read by others that would work out the same, and by nobody else."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trainhouse.arrays import hash_cache
from trainhouse.arrays import prepared as keeping
from trainhouse.arrays.array_file import map_of
from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.learned import learned_from
from trainhouse.arrays.npy import read_npy
from trainhouse.arrays.prepared import LIMIT, place
from trainhouse.arrays.row_preprocessing import RowPreprocessing
from trainhouse.tables.read_table import read_table

ROWS = 400
SPLIT = {"split": [0.8, 0.1, 0.1], "split_seed": 0}


@pytest.fixture(autouse=True)
def few_are_kept_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep what is worked out of any number of bytes, and of files of this very moment."""
    monkeypatch.setattr(keeping, "_LEAST", 0)
    monkeypatch.setattr(hash_cache, "_RECENT", -1.0)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def worked_out(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is worked out, and not read, from now on."""
    found: list[str] = []
    inner = keeping.prepared

    def counting(what, of, others, source, work_out):
        return inner(what, of, others, source, lambda: (found.append(what), work_out())[1])

    for room in ("assigning", "learned", "row_preprocessing"):
        monkeypatch.setattr(f"trainhouse.arrays.{room}.prepared", counting)
    return found


def write(seed: int = 0) -> None:
    random = np.random.RandomState(seed)
    np.save("x.npy", random.standard_normal((ROWS, 3)).astype(np.float32) + 5)
    np.save("y.npy", random.randint(0, 2, ROWS))


def everything(missing: str = "error", **arguments: object) -> dict[str, object]:
    """Read the files, split them, look for ranges, fit: all that the start of a run keeps."""
    data = DataModule(
        read_npy("x.npy", "y.npy", missing=missing),  # type: ignore[arg-type]
        **{"batch_size": 64, "num_workers": 0, "seed": 0, **SPLIT, **arguments},  # type: ignore[arg-type]
    )
    layer = RowPreprocessing(data.spec)
    layer.fit(*data.parts["train"], "x.npy")
    splits = {name: data.row_numbers_of(name).tolist() for name in ("train", "val", "test")}
    return {**splits, "ranges": data.spec.ranges, "mean": layer.mean.tolist(), "std": layer.std.tolist()}


def test_a_second_run_reads_what_the_first_has_worked_out_to_the_last_bit(
    worked_out: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write()
    first, second = everything(), everything()
    assert worked_out == ["split", "ranges", "moments"]
    monkeypatch.setenv(LIMIT, "0")
    assert first == second == everything()
    numbers = DataModule(read_npy("x.npy", "y.npy"), 64, 0, seed=0, **SPLIT).row_numbers_of("train")  # type: ignore[arg-type]
    assert map_of(numbers) is None
    monkeypatch.delenv(LIMIT)
    data = DataModule(read_npy("x.npy", "y.npy"), 64, 0, seed=0, **SPLIT)  # type: ignore[arg-type]
    assert all(map_of(data.row_numbers_of(name)) is not None for name in ("train", "val", "test")), "one copy for all"


@pytest.mark.parametrize(
    ("other", "again"),
    [
        ({"split_seed": 1}, ["split", "ranges", "moments"]),
        ({"split": [0.7, 0.2, 0.1]}, ["split", "ranges", "moments"]),
        ({"fold": 0}, ["split", "ranges", "moments"]),
        ({"fold": 1, "folds": 4}, ["split", "ranges", "moments"]),
        ({"missing": "mean"}, ["ranges", "moments"]),
        ({"batch_size": 32, "seed": 5}, []),
    ],
)
def test_other_keys_are_never_answered_with_what_was_kept(
    other: dict[str, object], again: list[str], worked_out: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write()
    everything()
    worked_out.clear()
    found = everything(**other)
    assert worked_out == again
    monkeypatch.setenv(LIMIT, "0")
    assert found == everything(**other)


def test_a_changed_file_is_never_answered_with_what_was_kept_though_its_size_and_times_are_the_same(
    worked_out: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write()
    before, state = everything(), Path("x.npy").stat()
    write(seed=1)
    for name in ("x.npy", "y.npy"):
        os.utime(name, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert Path("x.npy").stat().st_size == state.st_size
    worked_out.clear()
    after = everything()
    assert worked_out == ["split", "ranges", "moments"]
    assert after["mean"] != before["mean"]
    monkeypatch.setenv(LIMIT, "0")
    assert after == everything()


def test_another_version_of_the_code_works_it_out_again(worked_out: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    write()
    everything()
    monkeypatch.setattr(keeping, "_versions", lambda: ["another"])
    everything()
    assert worked_out == 2 * ["split", "ranges", "moments"]


def test_other_codes_of_texts_are_one_copy_for_all(worked_out: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"{row},{'a few' if row < 5 else 'most'},{row % 2}\n" for row in range(40)]
    Path("t.csv").write_text("".join(["size,kind,y\n", *lines]))
    data = read_table("t.csv", "y", "processed", keep_index=True)
    first, second = (learned_from(data, np.arange(5, 40)).rows.x for _ in range(2))
    assert worked_out == ["ranges", "codes"]
    assert map_of(first) is not None
    monkeypatch.setenv(LIMIT, "0")
    alone = learned_from(data, np.arange(5, 40)).rows.x
    assert map_of(alone) is None
    for one in (first, second):
        np.testing.assert_array_equal(one, alone)
    assert not np.array_equal(alone, data.rows.x)


class OwnPreprocessing(RowPreprocessing):
    """Reads rows in a way that nobody can know."""

    def _by_channel(self, chunk: np.ndarray) -> np.ndarray:
        return 2 * super()._by_channel(chunk)


def test_a_preprocessing_that_reads_rows_in_its_own_way_is_fitted_each_time() -> None:
    write()
    everything()
    data = read_npy("x.npy", "y.npy")
    own, plain = OwnPreprocessing(data.spec), RowPreprocessing(data.spec)
    for layer in (plain, own):
        layer.fit(data.rows, None, "x.npy")
    np.testing.assert_allclose(own.mean, 2 * plain.mean)


def _cut_short(content: bytes) -> bytes:
    return content[:-8]


def _other_number(content: bytes) -> bytes:
    return content[:-8] + bytes(7) + b"\x01"


def _empty(content: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("damage", [_cut_short, _other_number, _empty])
@pytest.mark.parametrize("file", ["train.npy", "mean.npy", "entry.json"])
def test_a_damaged_entry_is_made_again(file: str, damage: Callable[[bytes], bytes], worked_out: list[str]) -> None:
    write()
    first = everything()
    for path in place().rglob(file):
        content = path.read_bytes()
        path.unlink()  # it may be mapped
        path.write_bytes(damage(content))
    worked_out.clear()
    assert everything() == first
    assert worked_out, "it was damaged"
    worked_out.clear()
    assert everything() == first
    assert worked_out == []
