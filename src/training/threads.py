"""How many threads one operation of torch uses on the CPU."""

import math
import os
from pathlib import Path

import torch

_OF_TORCH = torch.get_num_threads()


def set_threads(threads: int | None) -> None:
    """Use `threads` threads; None: as many as the machine lets this process have.

    torch itself counts the cores of the machine, also in a container that may use two of them only.
    """
    torch.set_num_threads(threads or min(_OF_TORCH, available_cores()))


def available_cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Return how many cores this process may keep busy; on Linux a container's `quota` counts too."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        limit, period = quota.read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if limit == "max" else max(1, min(cores, math.ceil(int(limit) / int(period))))
