"""A numpy file is opened without being read, and a file that can't be used is named with what is wrong."""

import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from trainhouse.arrays.array_file import map_of, open_array, stream_array
from trainhouse.configuration.errors import UserError

MAGIC = b"\x93NUMPY\x01\x00"
ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)


def file_with_header(header: bytes, data: bytes = b"") -> bytes:
    return MAGIC + len(header).to_bytes(2, "little") + header + data


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "int64", "float16", ">f4", "float64"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_of_numbers_is_opened_as_it_was_saved(tmp_path, dtype, order):
    saved = np.asarray(ROWS, dtype=dtype, order=order)
    np.save(tmp_path / "x.npy", saved)
    opened = open_array(tmp_path / "x.npy", "data.features")
    assert opened.dtype == saved.dtype
    np.testing.assert_array_equal(opened, saved)


def test_an_opened_array_can_not_be_written_to(tmp_path):
    np.save(tmp_path / "x.npy", ROWS)
    with pytest.raises(ValueError, match="read-only"):
        open_array(tmp_path / "x.npy", "data.features")[:] = -1
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), ROWS)


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="asks for the size of the memory")
def test_a_file_larger_than_memory_is_opened(tmp_path):
    larger = 2 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        np.lib.format.open_memmap(tmp_path / "x.npy", mode="w+", dtype=np.uint8, shape=(1000, larger // 1000))
    except OSError:
        pytest.skip("the disk takes no file with that many holes")
    assert open_array(tmp_path / "x.npy", "data.features")[-1, -5:].tolist() == [0] * 5


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_the_format_is_read(tmp_path, version):
    with open(tmp_path / "x.npy", "wb") as file:
        np.lib.format.write_array(file, ROWS, version=version)
    np.testing.assert_array_equal(open_array(tmp_path / "x.npy", "data.features"), ROWS)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty (0 bytes)"),
        (b"a,b\n1,2\n", "is not a .npy file (it starts with b'a,b\\n1,2\\n')"),
        (MAGIC[:6], "has a damaged header"),
        (file_with_header(b"x" * 80)[:40], "has a damaged header"),
        (file_with_header(b"[1]\n"), "has a damaged header"),
        (file_with_header(b"{'descr': '<f4', 'shape': (3,"), "has a damaged header"),
        (file_with_header(b"{'descr': '<f4', 'fortran_order': False, 'shape': (-3,)}"), "shape (-3,)"),
    ],
    ids=["empty", "text", "magic only", "cut in the header", "no dictionary", "open bracket", "negative size"],
)
def test_a_file_that_is_no_array_is_named_with_its_problem(tmp_path, content, problem):
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(UserError, match=rf"data.features: .*x\.npy.*{re.escape(problem)}"):
        open_array(tmp_path / "x.npy", "data.features")


@pytest.mark.parametrize(
    ("array", "problem"),
    [
        (np.array([{"a": 1}], dtype=object), "holds object, expected numbers"),
        (np.array(["a", "b"]), "holds <U1, expected numbers"),
        (np.array([1j]), "holds complex128, expected numbers"),
        (np.zeros((0, 3)), "has no rows (shape (0, 3))"),
        (np.array(1.0), "has no rows (shape ())"),
    ],
    ids=["objects", "text", "complex", "no rows", "one number"],
)
def test_an_array_that_holds_no_rows_of_numbers_is_refused(tmp_path, array, problem):
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    with pytest.raises(UserError, match=rf"data.labels: .*x\.npy {re.escape(problem)}"):
        open_array(tmp_path / "x.npy", "data.labels")


def test_a_truncated_file_is_named_with_both_sizes(tmp_path):
    np.save(tmp_path / "x.npy", ROWS)
    whole = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(whole[:-7])
    with pytest.raises(UserError, match=r"data.features: .*x\.npy is truncated: 41 bytes .* says 48"):
        open_array(tmp_path / "x.npy", "data.features")


@pytest.mark.parametrize(("name", "problem"), [("none.npy", "does not exist"), (".", "is a folder")])
def test_a_path_without_a_file_is_named_with_the_folder_that_relative_paths_start_at(
    tmp_path, monkeypatch, name, problem
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=rf"data.features: {re.escape(name)} {problem} .*{re.escape(str(tmp_path))}"):
        open_array(name, "data.features")


@pytest.mark.parametrize("batch_size", [1, 3, 4, 9])
@pytest.mark.parametrize("order", ["C", "F"])
def test_streamed_rows_are_all_rows_in_order(tmp_path, monkeypatch, batch_size, order):
    monkeypatch.setattr("trainhouse.arrays.array_file._LET_GO_BYTES", 30)
    np.save(tmp_path / "x.npy", np.asarray(ROWS, order=order))
    batches = list(stream_array(open_array(tmp_path / "x.npy", "input"), batch_size, "x.npy"))
    assert [len(batch) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
    np.testing.assert_array_equal(np.concatenate(batches), ROWS)


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's account of this process")
def test_a_streamed_file_never_counts_as_memory_of_this_process_as_a_whole(tmp_path):
    rows = 64
    np.lib.format.open_memmap(tmp_path / "x.npy", mode="w+", dtype=np.uint8, shape=(rows, 2**20))
    array = open_array(tmp_path / "x.npy", "input")
    resident = [(batch.sum(), _resident_kib(tmp_path / "x.npy"))[1] for batch in stream_array(array, 1, "x.npy")]
    assert 0 < max(resident) < 2**10 * rows // 2
    assert _resident_kib(tmp_path / "x.npy") < max(resident)


def test_a_file_that_is_truncated_while_it_is_streamed_is_named(tmp_path):
    np.save(tmp_path / "x.npy", ROWS)
    batches = stream_array(open_array(tmp_path / "x.npy", "input"), 1, "input: x.npy")
    next(batches)
    os.truncate(tmp_path / "x.npy", 140)
    with pytest.raises(UserError, match=r"^input: x\.npy was truncated while it was read, to 140 bytes of 176$"):
        next(batches)


def test_an_array_in_memory_has_no_map_and_is_streamed_too():
    assert map_of(ROWS) is None
    assert [len(batch) for batch in stream_array(ROWS, 3, "rows")] == [3, 1]


def _resident_kib(path) -> int:
    """How much of a mapped file counts as memory of this process."""
    _, _, after = Path("/proc/self/smaps").read_text().partition(f"{path}\n")
    return int(re.search(r"^Rss: +(\d+) kB", after, re.MULTILINE)[1])
