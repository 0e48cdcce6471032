"""Where rows are while they are served: in their file, in memory, or on the device that trains on them."""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from trainhouse.arrays.array_file import map_of
from trainhouse.arrays.precision import served_dtype
from trainhouse.arrays.spec import Dataset, Rows
from trainhouse.configuration.errors import UserError

Choice = bool | str  # true, false or auto
_SHARE = 0.25  # of the free memory that rows may take unasked
_CHUNK_BYTES = 64 * 2**20
_UNLIMITED = 2**60  # how version 1 of control groups says that there is no limit


def in_file(x: np.ndarray) -> bool:
    """Whether the rows are a memory-mapped file's."""
    return map_of(x) is not None


def in_memory(rows: Rows, choice: Choice, source: str) -> Rows:
    """Return the rows with `x` in memory, in one piece, if that is asked for; ``auto`` asks if it pays and they fit.

    It pays where the numbers of one row lie apart, as in a file in column order. Other files are served from the
    system's cache as fast as from memory. Raises `UserError` if ``true`` asks for more than there is.
    """
    if choice is False or not in_file(rows.x):
        return rows
    free = free_memory()
    if choice == "auto" and (rows.x[:1].flags.c_contiguous or free is None or rows.x.nbytes > _SHARE * free):
        return rows
    if free is not None and rows.x.nbytes > free:
        text = f"{source} takes {_size(rows.x.nbytes)}, but {_size(free)} are free; set it to false"
        raise UserError(f"data.in_memory: {text}")
    return rows._replace(x=np.array(rows.x, order="C"))


def all_in_memory(dataset: Dataset, choice: Choice) -> Dataset:
    """Return the data set with its rows, and those of files of their own, where `in_memory` has them."""
    val, test = (rows and in_memory(rows, choice, dataset.name) for rows in (dataset.val, dataset.test))
    return replace(dataset, rows=in_memory(dataset.rows, choice, dataset.name), val=val, test=test)


def free_memory(meminfo: Path = Path("/proc/meminfo"), groups: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Return the bytes that this process may still take; on Linux a container's limit counts too. None: not known.

    psutil would know it on other systems too, but not what a container may use: it is not worth depending on.
    """
    try:
        free = 1024 * int(re.findall(r"^MemAvailable:\s+(\d+) kB", meminfo.read_text(), re.MULTILINE)[0])
    except (OSError, IndexError):
        return None
    for limit, used, name in (
        (groups / "memory.max", groups / "memory.stat", "anon"),
        (groups / "memory/memory.limit_in_bytes", groups / "memory/memory.stat", "total_rss"),
    ):
        try:
            most = int(limit.read_text())
            taken = int(re.findall(rf"^{name} (\d+)", used.read_text(), re.MULTILINE)[0])
        except (OSError, ValueError, IndexError):
            continue
        if most < _UNLIMITED:
            free = min(free, max(0, most - taken))
    return free


def on_device(rows: Rows, choice: Choice, device: torch.device, source: str, wide: bool = False) -> "OnDevice | None":
    """Return the rows on an accelerator if that is asked for; ``auto`` asks if they take less than a quarter of it.

    On the CPU they are where they are used already. Raises `UserError` if ``true`` asks for more than there is.
    """
    if choice is False or device.type == "cpu":
        return None
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None
    needed = rows.x.size * served_dtype(rows.x.dtype, wide).itemsize + rows.y.nbytes
    if choice == "auto" and (free is None or needed > _SHARE * free):
        return None
    if free is not None and needed > free:
        text = f"{source} takes {_size(needed)}, but {_size(free)} are free on {device}; set it to false"
        raise UserError(f"data.device_resident: {text}")
    return OnDevice(rows, device, wide)


class OnDevice:
    """The rows and labels of a data set on a device, where batches of them are gathered."""

    def __init__(self, rows: Rows, device: torch.device, wide: bool = False) -> None:
        """Copy the rows there a stretch at a time, in the dtype in which batches have them."""
        dtype = served_dtype(rows.x.dtype, wide)
        self.x = torch.empty(rows.x.shape, dtype=torch.from_numpy(np.empty(0, dtype)).dtype, device=device)
        self.y = torch.tensor(rows.y, device=device)
        step = max(1, _CHUNK_BYTES // max(1, rows.x[:1].nbytes))
        for start, stop in pairwise([*range(0, len(rows.x), step), len(rows.x)]):
            self.x[start:stop] = torch.from_numpy(np.array(rows.x[start:stop], dtype))

    def __getitem__(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        return self.x[numbers], self.y[numbers]


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
