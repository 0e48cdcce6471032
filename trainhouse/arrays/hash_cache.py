"""Remembers the hash of a large file's content, so that the file is read for it once: a small file of the user's own.

A file is known by its path, size, and the times of its last changes. Those of its content can be set to anything
(`touch -d`, `cp -p`, rsync); those of its entry can't, so both count.
"""

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from trainhouse.machine.files import write_text

_MOST = 1000  # files that are remembered
_RECENT = 2.0  # seconds in which a clock that is coarse may show two changes as one


def key_of(array: np.ndarray) -> str | None:
    """Return what says which part of which file an array is; None for one that is no view of a file."""
    found = _file_of(array)
    if found is None:
        return None
    path, offset = found
    try:
        stat = path.stat()
    except OSError:
        return None
    times = (stat.st_mtime_ns, stat.st_ctime_ns)
    return json.dumps([str(path), stat.st_size, *times, offset, array.shape, array.strides, str(array.dtype)])


def get(key: str) -> str | None:
    """Return the hash that was put there, if any."""
    found = _read().get(key)
    return found if isinstance(found, str) and len(found) == 64 and not set(found) - set("0123456789abcdef") else None


def put(key: str, value: str, array: np.ndarray) -> None:
    """Remember the hash of `array`, whose key was `key` before it was read; not of a file that is being written."""
    found = _file_of(array)
    if found is None or key != key_of(array):
        return
    stat = found[0].stat()
    if time.time() - max(stat.st_mtime, stat.st_ctime) < _RECENT:
        return
    with suppress(OSError, RuntimeError):  # it is read again then
        known = _read()
        known.pop(key, None)
        kept = list(known.items())[1 - _MOST :]
        write_text(_place(), json.dumps(dict([*kept, (key, value)]), indent=0) + "\n")


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
