"""What a process needs that runs jobs of a sweep beside others: a way to be stopped, its own accelerator, workers."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

from src.utils.errors import Interrupted
from src.utils.locks import try_lock
from src.utils.run_folder import STOP_SWEEP

_held: list[IO[str]] = []  # the lock on an accelerator, for as long as the process lives


def check_not_stopped(sweep: Path) -> None:
    """Raise `Interrupted` if the sweep in the folder `sweep` has been stopped: no other job of it is to begin."""
    if (sweep / STOP_SWEEP).exists():
        raise Interrupted(signal.SIGINT, "not run: the sweep was stopped")


def prepare_worker(sweep: Path) -> None:
    """Make this process, which the sweep's own has started, ready for a job of the sweep in the folder `sweep`."""
    for name in ("SIGINT", "SIGTERM"):
        signal.signal(getattr(signal, name), _interrupt)
    if multiprocessing.get_start_method(allow_none=True) == "loky":  # joblib's, which data workers can't be started by
        multiprocessing.set_start_method("fork", force=True)
        threading.Thread(target=_end_without_parent, name="sweep", daemon=True).start()
    if "torch" not in sys.modules and not _held and "SLURM_JOB_ID" not in os.environ:
        _take_accelerator(sweep)


def _end_without_parent() -> None:
    """Save and stop when the sweep's own process was killed: whoever goes on with the sweep has the jobs to itself."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def _take_accelerator(sweep: Path) -> None:
    """Show this process one accelerator only, where there are several: one that no other worker has."""
    names = accelerators()
    if len(names) < 2:
        return
    for name in names:
        if lock := try_lock(sweep / ".accelerators" / name):
            _held.append(lock)
            os.environ["CUDA_VISIBLE_DEVICES"] = name
            return
    os.environ["CUDA_VISIBLE_DEVICES"] = names[os.getpid() % len(names)]  # more workers than accelerators


def accelerators(devices: Path = Path("/proc/driver/nvidia/gpus")) -> list[str]:
    """Return the names of the accelerators that this process may use, without importing torch."""
    if visible := os.environ.get("CUDA_VISIBLE_DEVICES"):
        return [name.strip() for name in visible.split(",") if name.strip()]
    return [str(index) for index in range(len(list(devices.iterdir())))] if devices.is_dir() else []


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    raise Interrupted(signum)
