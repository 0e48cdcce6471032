"""How many cores there are for this process, and how it shares them with others."""

import math
import os
import zlib
from pathlib import Path
from typing import IO

from trainhouse.machine.locks import of_this_machine, try_lock

_SPINS = "1000"
_held: list[IO[str]] = []  # for as long as the process lives
_is_beside_another = False


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
    spinning. To be called before torch is imported; results don't depend on it.

    Trainings of one user know of each other by a lock; this process is one itself if it `trains`.
    """
    global _is_beside_another
    if _held:
        return
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    name = zlib.crc32(str(cores).encode())  # jobs that are bound to cores of their own share none
    try:
        lock = try_lock(of_this_machine(f"training-{name:08x}"))
    except OSError:
        return
    _is_beside_another = lock is None
    if lock is None:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)
    elif trains:
        _held.append(lock)
    else:
        lock.close()
