"""What is worked out of many rows before a training begins, kept in files: once for all ranks, jobs and later runs.

An entry is a folder in ``data/processed/prepared`` with arrays, which are memory-mapped, so that several processes
have one copy. It is called by a hash of all that decides the result: the content of the arrays that it is worked out
of, every other argument, the source of this room of the library, and the versions of numpy and torch. So a file that
has changed, or another key of the configuration, is another entry. What an entry holds is hashed too: one that is
damaged is made again. The folder can be deleted at any time; what was not used for longest is removed from it when it
becomes too large.

Of ten million rows of six numbers, on two cores, the split takes 1.3 s, the ranges 0.7 s, the moments 1.2 s, and to
read the three from here 0.15 s. Other things are not kept. To count classes and to look for rows that are in two splits
takes 0.5 s, and what is said of it would have to be kept too, in words. Labels stay in their file where that has them
as they are learned; others are coded again by each process, in 0.3 s. Less than `_LEAST` bytes are worked out in the
time that it takes to open files.
"""

import functools
import hashlib
import json
import logging
import math
import mmap
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch

from trainhouse.arrays.array_file import map_of, open_array
from trainhouse.arrays.fingerprint import content_of
from trainhouse.arrays.hash_cache import is_settled
from trainhouse.configuration.bounded import read_mapping
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.places import project
from trainhouse.machine.files import PARTIAL_SUFFIX, prefix_of_this_process, remove_partial_files, write_json
from trainhouse.machine.locks import one_at_a_time
from trainhouse.machine.writes import unrefused

_log = logging.getLogger(__name__)

LIMIT = "TRAINHOUSE_PREPARED_GB"
"""In the environment: how many gigabytes all entries may take together; 0 keeps none, and reads none."""
_USUAL_LIMIT = 10.0
_LEAST = 2**24  # bytes: fewer are worked out again as fast as they are read
_ENTRY = "entry.json"  # the form and the hash of each array
_A_DAY = 24 * 3600.0
Arrays = dict[str, np.ndarray]
_kept: WeakKeyDictionary[mmap.mmap, tuple[int, str]] = WeakKeyDictionary()  # size and hash of each file that was read


def prepared(
    what: str, of: Sequence[np.ndarray | None], others: Any, source: str, work_out: Callable[[], Arrays]
) -> Arrays:
    """Return what `work_out` returns, or what it returned before: read-only arrays, memory-mapped if they are kept.

    It has to be decided by `what` is worked out, by the content of the arrays `of` which it is, and by the `others`,
    plain data, alone. `source` names the data for messages. What it raises is raised, and nothing is kept.
    """
    arrays = [array for array in of if array is not None]
    limit = _limit()
    if not limit or sum(array.nbytes for array in arrays) < _LEAST or not all(map(_is_settled, arrays)):
        return work_out()
    contents = [array if array is None else _described(array, source) for array in of]
    decided_by = json.dumps([_versions(), what, others, contents])
    folder = place() / hashlib.sha256(decided_by.encode()).hexdigest()
    if (known := _read(folder)) is not None:
        return known
    with one_at_a_time(f"prepared-{folder.name[:32]}"):
        if (known := _read(folder)) is not None:
            return known
        found = work_out()
        if not all(map(_is_settled, arrays)) or sum(array.nbytes for array in found.values()) > limit:
            return found  # what was hashed may be other rows than those that were looked at
        try:
            with unrefused():
                _write(folder, found)
                _remove_unused(limit)
        except OSError as error:
            _say_once(f"{folder.parent}: {error.strerror or error}")
        return _read(folder) or found


def place() -> Path:
    """Return the folder of all entries."""
    return project() / "data" / "processed" / "prepared"


def _limit() -> float:
    """Return how many bytes may be kept. Raises `UserError` for what is no number of gigabytes."""
    text = os.environ.get(LIMIT, "")
    try:
        gigabytes = float(text) if text else _USUAL_LIMIT
    except ValueError:
        gigabytes = math.nan
    if not gigabytes >= 0:
        raise UserError(f"{LIMIT}: expected a number of gigabytes from 0 up, got '{text}'")
    return gigabytes * 1e9


@functools.cache
def _versions() -> list[str]:
    """Return what the results depend on but their arguments."""
    code = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        code.update(file.read_bytes())
    return [code.hexdigest(), np.__version__, torch.__version__]


@functools.cache
def _say_once(why: str) -> None:
    _log.info("note: what is worked out of the data is not kept for other runs (%s)", why)


def _is_settled(array: np.ndarray) -> bool:
    """Whether an array holds still: nobody writes into what is kept, however new it is."""
    pages = map_of(array)
    return (pages is not None and pages in _kept) or is_settled(array)


def _described(array: np.ndarray, source: str) -> list[Any]:
    pages = map_of(array)
    size, content = (0, "") if pages is None else _kept.get(pages, (0, ""))
    if not size or size != array.nbytes or not array.flags.c_contiguous:  # it is none of these files, or a part of one
        content = content_of(array, source).hex()
    return [list(array.shape), str(array.dtype), content]


def _read(folder: Path) -> Arrays | None:
    """Return the arrays of an entry; None if there is none, or it isn't what was written."""
    try:
        if (entry := read_mapping(folder / _ENTRY)) is None:
            return None
        found: Arrays = {}
        for name, (shape, dtype, content) in entry.items():
            is_empty = 0 in shape
            array = np.zeros(shape, dtype) if is_empty else open_array(folder / f"{name}.npy", str(folder))
            if [shape, dtype, content] != _described(array, str(folder)):
                return None
            found[name] = array
            if (pages := map_of(array)) is not None:
                _kept[pages] = array.nbytes, content
    except (UserError, OSError, TypeError, ValueError):
        return None
    with suppress(OSError):
        os.utime(folder / _ENTRY)
    return found


def _write(folder: Path, arrays: Arrays) -> None:
    """Write an entry beside its place, then rename it: it is whole, or not there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_partial_files(folder.parent, older_than=_A_DAY)
    partial = Path(mkdtemp(dir=folder.parent, prefix=prefix_of_this_process(), suffix=PARTIAL_SUFFIX))
    try:
        for name, array in arrays.items():
            np.save(partial / f"{name}.npy", array, allow_pickle=False)
        write_json(partial / _ENTRY, {name: _described(array, name) for name, array in arrays.items()})
        umask = os.umask(0)
        os.umask(umask)
        partial.chmod(0o777 & ~umask)
        shutil.rmtree(folder, ignore_errors=True)  # a damaged one
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _remove_unused(limit: float) -> None:
    """Remove the entries that were not used for longest, as far as all together are beyond the limit."""
    entries = []
    for entry in place().glob(f"[!.]*/{_ENTRY}"):  # and not what is just being written
        with suppress(OSError):  # another process tidies up as well
            size = sum(file.stat().st_size for file in entry.parent.iterdir())
            entries.append((entry.stat().st_mtime, size, entry.parent))
    kept = 0
    for _, size, folder in sorted(entries, reverse=True):
        if kept + size > limit:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            kept += size
