"""Where rows come from, and in which order: from a disk, from the system's cache, from memory."""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from trainhouse.arrays.array_file import open_array
from trainhouse.arrays.batches import Batches
from trainhouse.arrays.spec import Rows
from trainhouse.benchmarks.lab import Lab
from trainhouse.benchmarks.measuring import Samples, row, timed
from trainhouse.benchmarks.processes import SkippedError

_BATCH = 128
_BLOCKS = (256, 64)


@row("s", "of the speed of single rows")
def blocks_cold(lab: Lab) -> Samples:
    """Seconds for the batches of an epoch over 400,000 images of 784 bytes (314 MB) with data.shuffle=blocks, none of
    which the system has cached. Yardstick: the same with data.shuffle=rows. Both read all rows.
    """
    path = _images(lab)

    def serve(blocks: tuple[int, int] | None) -> None:
        _forget(path)
        _drain(_batches(path, blocks))

    return timed(lab.repeats, lambda: serve(_BLOCKS), lambda: serve(None), warm_ups=0)


@row("s", "of the speed of single rows")
def blocks_warm(lab: Lab) -> Samples:
    """As `blocks_cold`, but of a file that the system has cached."""
    path = _images(lab)
    ours, yardstick = _batches(path, _BLOCKS), _batches(path, None)
    return timed(lab.repeats, lambda: _drain(ours), lambda: _drain(yardstick))


@row("s", "of the speed of a cached file")
def in_memory(lab: Lab) -> Samples:
    """Seconds for the batches of an epoch over 400,000 images of 784 bytes that are in memory, as with
    data.in_memory=true. Yardstick: the memory-mapped file, which the system has cached.
    """
    path = _images(lab)
    mapped = _batches(path, None)
    held = Batches(Rows(np.array(mapped.rows.x), mapped.rows.y), None, _BATCH, 0)
    return timed(lab.repeats, lambda: _drain(held), lambda: _drain(mapped))


@row("s", "of the speed of a cached file")
def in_memory_columns(lab: Lab) -> Samples:
    """As `in_memory`, of 10^6 rows of 20 float32 in a file in column order, which data.in_memory=auto loads."""
    path = lab.folder / "columns.npy"
    rows = lab.size(full=10**6, quick=10**4)
    np.save(path, np.asfortranarray(np.random.default_rng(0).standard_normal((rows, 20), dtype=np.float32)))
    mapped = _batches(path, None)
    held = Batches(Rows(np.array(mapped.rows.x, order="C"), mapped.rows.y), None, _BATCH, 0)
    return timed(lab.repeats, lambda: _drain(held), lambda: _drain(mapped))


def _images(lab: Lab) -> Path:
    return Path(lab.images(lab.size(full=400_000, quick=4_000))[1].partition("=")[2])


def _batches(path: Path, blocks: tuple[int, int] | None) -> Batches:
    x = open_array(path, "features")
    return Batches(Rows(x, np.zeros(len(x), np.int64)), None, _BATCH, 0, blocks=blocks)


def _drain(batches: Iterable[object]) -> None:
    for _ in batches:
        pass


def _forget(path: Path) -> None:
    """Let the system drop what it has cached of a file; nothing may have it mapped."""
    if not hasattr(os, "posix_fadvise"):
        raise SkippedError("skipped: needs posix_fadvise, which this system has not")
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
