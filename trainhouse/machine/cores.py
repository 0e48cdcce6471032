"""How many cores there are for this process, and how it shares them with others."""

import math
import os
import zlib
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO

from trainhouse.machine.locks import of_this_machine, try_lock

_SPINS = "1000"
_MOST_KNOWN = 8  # trainings on the same cores
_held: dict[int, IO[str]] = {}  # at most one, by its number, for as long as the process lives
_shares = False


def available_cores(groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Return how many cores this process may keep busy; on Linux a container's quota counts too.

    Read here because psutil and `os.process_cpu_count` know of no quotas, and joblib, which does, is optional.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    versions = ["cpu.max"], ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"]  # 2 and 1 of control groups
    for names in versions:
        try:
            quota, period = " ".join((groups / name).read_text() for name in names).split()
            limit = math.ceil(int(quota) / int(period))
        except (OSError, ValueError, ZeroDivisionError):  # ValueError: "max", that is, no limit
            continue
        if limit > 0:  # -1 is none either
            cores = min(cores, limit)
    return cores


@cache
def cores_to_use() -> int:
    """Return how many cores a command is to keep busy: half of them if a training is at work there.

    It is found out once, and as late as can be: two trainings that were started together both see the other one, and
    all jobs of a sweep get the same. A process that has not called `share_cores`, as those that a sweep starts, takes
    what it is given. On two cores, two trainings with one thread each were faster than with two each at every size.
    """
    return max(1, available_cores() // 2) if _shares and is_beside_another() else available_cores()


def share_cores(trains: bool) -> None:
    """Have this process's threads give away their cores sooner if another training is at work on the same cores.

    A thread of torch that waits for another one spins for a while, to go on at once; threads of two trainings that spin
    on the same cores keep each other from working. On two cores, two perceptrons side by side had 0.26 of one's speed
    each; with the second one spinning less, 0.4 to 0.7. A training alone loses a fifth by it, so the first one keeps
    spinning. To be called before torch is imported; results don't depend on it.

    Trainings of one user know of each other by locks, one for each; this process has one itself if it `trains`.
    """
    global _shares
    if _held:
        return
    _shares = True
    with suppress(OSError):
        for number in range(_MOST_KNOWN):
            if lock := _lock(number):
                if trains:
                    _held[number] = lock
                else:
                    lock.close()
                break
        if is_beside_another():
            os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)


def is_beside_another() -> bool:
    """Whether another training is at work on the cores of this process now."""
    with suppress(OSError):  # nothing can be locked here
        for number in set(range(_MOST_KNOWN)) - _held.keys():
            if (lock := _lock(number)) is None:
                return True
            lock.close()
    return False


def _lock(number: int) -> IO[str] | None:
    """Return one of the locks that trainings have on the cores of this process; None if another one has it."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    name = zlib.crc32(str(cores).encode())  # jobs that are bound to cores of their own share none
    return try_lock(of_this_machine(f"training-{name:08x}-{number}"))
