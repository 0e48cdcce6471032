"""How many cores there are for this process, and how it shares them with others."""

import math
import os
import zlib
from pathlib import Path
from typing import IO

from trainhouse.machine.locks import of_this_machine, try_lock

_SPINS = "1000"
_MOST_KNOWN = 8  # trainings on the same cores
_held: list[IO[str]] = []  # for as long as the process lives
_is_beside_another = False


def available_cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Return how many cores this process may keep busy; on Linux a container's `quota` counts too."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        limit, period = quota.read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if limit == "max" else max(1, min(cores, math.ceil(int(limit) / int(period))))


def cores_to_use() -> int:
    """Return how many cores one command is to keep busy: half of them if `share_cores` has found a training there.

    On two cores, two trainings with one thread each were faster than with two each for every network that was tried.
    """
    return max(1, available_cores() // 2) if _is_beside_another else available_cores()


def share_cores(trains: bool) -> None:
    """Have this process's threads give away their cores sooner if another training is at work on the same cores.

    A thread of torch that waits for another one spins for a while, to go on at once; threads of two trainings that spin
    on the same cores keep each other from working. On two cores, two perceptrons side by side had 0.26 of one's speed
    each; with the second one spinning less, 0.4 to 0.7. A training alone loses a fifth by it, so the first one keeps
    spinning until `others_have_come`. To be called before torch is imported; results don't depend on it.

    Trainings of one user know of each other by locks; this process is one itself if it `trains`.
    """
    global _is_beside_another
    if _held:
        return
    try:
        lock = _lock(0)
        _is_beside_another = lock is None
        if lock is None:
            os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)
            numbers = range(1, _MOST_KNOWN) if trains else ()
            lock = next((found for number in numbers if (found := _lock(number))), None)
    except OSError:
        return
    if lock and trains:
        _held.append(lock)
    elif lock:
        lock.close()


def others_have_come() -> bool:
    """Whether trainings that began after the first one are at work on its cores."""
    try:
        for number in range(1, _MOST_KNOWN):
            if (lock := _lock(number)) is None:
                return True
            lock.close()
    except OSError:  # nothing can be locked here
        pass
    return False


def _lock(number: int) -> IO[str] | None:
    """Return a lock of the cores of this process: number 0 is for the first training on them, others for later ones."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    name = zlib.crc32(str(cores).encode())  # jobs that are bound to cores of their own share none
    return try_lock(of_this_machine(f"training-{name:08x}" + (f"-{number}" if number else "")))
