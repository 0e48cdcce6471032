"""A numpy file is opened without being read, and a file that can't be used is named with what is wrong."""

import os
import re

import numpy as np
import pytest

from src.data.array_file import open_array
from src.utils.errors import UserError

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
