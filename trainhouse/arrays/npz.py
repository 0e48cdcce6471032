"""Streams one array out of a numpy archive, compressed or not, without holding it in memory."""

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import IO

import numpy as np

from trainhouse.arrays.array_file import read_header
from trainhouse.configuration.errors import UserError, first_line

_PREFERRED = ("x", "X", "features", "data")
# NotImplementedError and RuntimeError: a flag or a method of compression that numpy writes none of, encryption.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    UnicodeError,
)


def stream_npz(path: Path, batch_size: int) -> tuple[tuple[int, ...], Iterator[np.ndarray]]:
    """Return the shape of the archive's rows (N, ...) and their batches (B, ...).

    The rows are the array `x`, `X`, `features` or `data`, or the only one there is. Raises `UserError`, at
    once or with the batch concerned, for an archive that is damaged or holds something else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            name = _choose([name for name in archive.namelist() if name.endswith(".npy")], path)
            with archive.open(name) as file:
                shape, dtype = _read_header(file, name, path)
    except _DAMAGE as error:
        raise UserError(f"input: {path} is damaged or not a .npz archive ({error})") from error
    return shape, _batches(path, name, batch_size, shape, dtype)


def _choose(names: list[str], path: Path) -> str:
    """The array of an archive that has the rows; which of several is never guessed."""
    if len(names) == 1:
        return names[0]
    for name in _PREFERRED:
        if f"{name}.npy" in names:
            return f"{name}.npy"
    found = ", ".join(name.removesuffix(".npy") for name in names) or "no arrays"
    raise UserError(f"input: {path} holds {found}; name the rows {', '.join(_PREFERRED)}")


def _read_header(file: IO[bytes], name: str, path: Path) -> tuple[tuple[int, ...], np.dtype]:
    where = f"input: {name.removesuffix('.npy')} in {path}"
    try:
        shape, column_major, dtype = read_header(file)
    except ValueError as error:
        raise UserError(f"{where} is not an array ({first_line(error)})") from error
    if dtype.hasobject or dtype.kind not in "biuf" or column_major or not shape or min(shape) < 1:
        order = " in column order" if column_major else ""
        raise UserError(f"{where} is {dtype} {shape}{order}, expected rows of numbers")
    return shape, dtype


def _batches(path: Path, name: str, batch_size: int, shape: tuple[int, ...], dtype: np.dtype) -> Iterator[np.ndarray]:
    row_bytes = dtype.itemsize * prod(shape[1:])
    with zipfile.ZipFile(path) as archive, archive.open(name) as file:
        _read_header(file, name, path)
        for start in range(0, shape[0], batch_size):
            count = min(batch_size, shape[0] - start)
            try:
                data = file.read(count * row_bytes)
            except _DAMAGE as error:
                raise UserError(f"input: {path} is damaged ({error})") from error
            if len(data) < count * row_bytes:
                raise UserError(f"input: {path} is truncated after row {start + len(data) // row_bytes}")
            yield np.frombuffer(bytearray(data), dtype).reshape(count, *shape[1:])
