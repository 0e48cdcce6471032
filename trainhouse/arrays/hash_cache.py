"""Remembers the hash of a large file's content, so that the file is read for it once: a small file of the user's own.

A file is known by its path, size, and the times of its last changes. Those of its content can be set to anything
(`touch -d`, `cp -p`, rsync); those of its entry can't, so both count.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from trainhouse.arrays.array_file import map_of, state_when_opened
from trainhouse.machine.files import write_text
from trainhouse.machine.locks import one_at_a_time

_MOST = 1000  # files that are remembered
_RECENT = 2.0  # seconds in which a clock that is coarse may show two changes as one


def key_of(array: np.ndarray) -> str | None:
    """Return what says which part of which file an array is.

    None for one that is no view of a file, and for a view of a file that is changed or replaced since it was opened.
    """
    found = _file_of(array)
    if found is None:
        return None
    path, offset = found
    try:
        stat = path.stat()
    except OSError:
        return None
    opened = state_when_opened(array)
    if opened is not None and _state(opened) != _state(stat):
        return None
    times = (stat.st_mtime_ns, stat.st_ctime_ns)
    return json.dumps([str(path), stat.st_size, *times, offset, array.shape, array.strides, str(array.dtype)])


def is_settled(array: np.ndarray) -> bool:
    """Whether an array is in memory, or a view of a file that is as it was opened, and was not written just now."""
    if map_of(array) is None:
        return True
    found = _file_of(array)
    return found is not None and key_of(array) is not None and not _is_recent(found[0].stat())


def get(key: str) -> str | None:
    """Return the hash that was put there, if any."""
    found = _read().get(key)
    return found if isinstance(found, str) and len(found) == 64 and not set(found) - set("0123456789abcdef") else None


def hash_of(array: np.ndarray, make: Callable[[], str], kind: str = "") -> str:
    """Return the hash that `make` makes of an array's content: of a file that it has read before, without reading it.

    One process of the machine reads it at a time, so that of several that are started together one does. Two ways of
    making a hash are of a different `kind`.
    """
    if (key := key_of(array)) is None:
        return make()
    if known := get(key + kind):
        return known
    with one_at_a_time(f"hash-{hashlib.sha256((key + kind).encode()).hexdigest()[:32]}"):
        if (known := get(key + kind)) is None:
            known = make()
            if key == key_of(array) and is_settled(array):
                _put(key + kind, known)
    return known


def _put(key: str, value: str) -> None:
    with suppress(OSError, RuntimeError):  # it is read again then
        known = _read()
        known.pop(key, None)
        kept = list(known.items())[1 - _MOST :]
        write_text(_place(), json.dumps(dict([*kept, (key, value)]), indent=0) + "\n")


def _state(stat: os.stat_result) -> tuple[int, ...]:
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _is_recent(stat: os.stat_result) -> bool:
    return time.time() - max(stat.st_mtime, stat.st_ctime) < _RECENT


def _read() -> dict[str, Any]:
    try:
        known = json.loads(_place().read_text())
    except (OSError, ValueError, RuntimeError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def _place() -> Path:
    """The file; raises `RuntimeError` for a user without a home."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches, "trainhouse", "fingerprints.json")


def _file_of(array: np.ndarray) -> tuple[Path, int] | None:
    """Return the file that an array is a view of, and where it begins in the part of it that is mapped."""
    base: Any = array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap) and base.filename is not None and not isinstance(base.base, np.memmap):
            offset = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
            return Path(base.filename).absolute(), base.offset + offset
        base = base.base
    return None
