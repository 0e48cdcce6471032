"""Opens a numpy file without reading it, and says in one line what is wrong with it."""

import mmap
import os
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from weakref import WeakKeyDictionary

import numpy as np

from trainhouse.configuration.errors import UserError, first_line

_MAGIC = b"\x93NUMPY"
_LET_GO_BYTES = 16 * 2**20
_opened: WeakKeyDictionary[mmap.mmap, os.stat_result] = WeakKeyDictionary()


def open_array(path: str | Path, key: str, may_be_dates: bool = False) -> np.ndarray:
    """Memory-map the ``.npy`` file at `path`; `key` is the config key that names it, for messages.

    Never unpickles. The array is read-only. Raises `UserError` if the file is missing, empty, truncated,
    not a numpy file, or holds anything but numbers, or numpy's dates and durations where it `may_be_dates`.
    """
    path = Path(path)
    if not path.is_file():
        kind = "is a folder" if path.is_dir() else "does not exist"
        raise UserError(f"{key}: {path} {kind} (relative paths start at {Path.cwd()})")
    with open(path, "rb") as file:
        start = file.read(64)
        if not start:
            raise UserError(f"{key}: {path} is empty (0 bytes)")
        if not start.startswith(_MAGIC):
            raise UserError(f"{key}: {path} is not a .npy file (it starts with {start[:12]!r})")
        file.seek(0)
        try:
            shape, _, dtype = read_header(file)
        except ValueError as error:
            raise UserError(f"{key}: {path} has a damaged header ({first_line(error)})") from error
        header = file.tell()
    if dtype.hasobject or dtype.kind not in ("biufMm" if may_be_dates else "biuf"):
        dates = ", or datetime64" if may_be_dates else ""
        raise UserError(f"{key}: {path} holds {dtype}, expected numbers (bool, int, uint or float){dates}")
    size, expected = os.path.getsize(path) - header, dtype.itemsize * int(np.prod(shape, dtype=object))
    if size < expected:
        raise UserError(f"{key}: {path} is truncated: {size} bytes of data, its header says {expected}")
    if not shape or min(shape) < 1:
        raise UserError(f"{key}: {path} has no rows (shape {shape})")
    state = path.stat()
    # Read-only: of a writable map Linux wants to know where its changes would go, and refuses one larger than memory.
    array = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    if (pages := map_of(array)) is not None:
        _opened[pages] = state
    return array


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Return an array's shape, whether it is stored in column order, and its dtype, from where a ``.npy`` file begins.

    Raises `ValueError` for whatever a damaged one makes numpy's reader stumble over.
    """
    try:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0), (3, 0)):
            raise ValueError(f"its format is version {version[0]}.{version[1]}")
        is_first = version == (1, 0)
        return (np.lib.format.read_array_header_1_0 if is_first else np.lib.format.read_array_header_2_0)(file)
    except (OverflowError, MemoryError, RecursionError, tokenize.TokenError) as error:
        raise ValueError(first_line(error)) from error


def map_of(array: np.ndarray) -> mmap.mmap | None:
    """Return the memory map that an array is a view of; None if it is in memory."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None


def state_when_opened(array: np.ndarray) -> os.stat_result | None:
    """Return the state that the file of an array was in when `open_array` opened it; None for any other array.

    A name may lead to another file since then.
    """
    pages = map_of(array)
    return None if pages is None else _opened.get(pages)


def stream_array(array: np.ndarray, batch_size: int, source: str) -> Iterator[np.ndarray]:
    """Yield an opened array's rows in batches (B, ...), each once.

    Pages that were read stay in the system's cache, but this process lets go of them: otherwise they count as its
    own wherever memory is watched, until the whole file does. Raises `UserError` that names `source` if the file
    becomes shorter meanwhile: to read on would end the process.
    """
    pages, held = map_of(array), 0
    for start in range(0, len(array), batch_size):
        if pages is not None and pages.size() < len(pages):
            raise UserError(f"{source} was truncated while it was read, to {pages.size()} bytes of {len(pages)}")
        yield array[start : start + batch_size]
        held += array[start : start + batch_size].nbytes
        if held >= _LET_GO_BYTES and pages is not None and hasattr(mmap, "MADV_DONTNEED"):
            pages.madvise(mmap.MADV_DONTNEED)
            held = 0
