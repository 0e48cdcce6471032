"""What a process needs that runs jobs of a sweep beside others: a way to be stopped, its own accelerator, workers."""

import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

from trainhouse.configuration.errors import Interrupted
from trainhouse.machine.locks import of_this_machine, try_lock
from trainhouse.machine.writes import unrefused

STOP_MARK = "SWEEP_STOP_MARK"  # in the environment, which processes hand on to those that they start
_TIME_TO_SAVE = 60.0  # seconds
_held: dict[str, IO[str]] = {}  # the locks on accelerators, by their names, for as long as the process lives
_visible: list[str] = []  # what the process could see before it took any


def new_stop_mark(sweep: Path) -> Path:
    """Return the file that asks the jobs which this process launches to stop, in whatever process or machine they run.

    Other processes that work on the sweep have marks of their own.
    """
    mark = sweep.absolute() / _mark_of_this_process()
    mark.unlink(missing_ok=True)
    os.environ[STOP_MARK] = str(mark)
    return mark


def _mark_of_this_process() -> str:
    return f".stop-{socket.gethostname()}-{os.getpid()}"


def is_launchers_process() -> bool:
    """Whether this process is the sweep's own, and no worker: launchers may run jobs in it too."""
    return Path(os.environ.get(STOP_MARK, "")).name == _mark_of_this_process()


def stop_asked() -> bool:
    """Whether the process that has launched this job of a sweep wants it to stop."""
    mark = os.environ.get(STOP_MARK)
    return mark is not None and Path(mark).exists()


def check_not_stopped() -> None:
    """Raise `Interrupted` if the sweep has been stopped: no other job of it is to begin."""
    if stop_asked():
        raise Interrupted(signal.SIGINT, "not run: the sweep was stopped")


def prepare_worker() -> None:
    """Make this process, which the sweep's own has started, ready for a job of the sweep.

    One of joblib's outlives a signal while it has no job that trains: if it ended, joblib would kill the others before
    they have saved. The terminal's signals reach the sweep's own process too, which leaves the mark.
    """
    is_joblibs = multiprocessing.current_process().name.startswith("LokyProcess")
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signum = getattr(signal, name, None)
        if name == "SIGTERM" and "SLURM_JOB_ID" in os.environ and "submitit" in sys.modules:
            continue  # before the run has begun: SLURM ends the job, and knows whether it comes back
        if signum is not None and signal.getsignal(signum) is not signal.SIG_IGN:  # nohup's choice
            signal.signal(signum, _leave_to_the_mark if is_joblibs else _interrupt)
    if multiprocessing.get_start_method(allow_none=True) == "loky":  # which data workers can't be started by
        multiprocessing.set_start_method(multiprocessing.get_all_start_methods()[0], force=True)  # the system's own
        end_without_parent()
    # A rank's job has taken what it needs; SLURM and Ray show a process what is its own.
    is_given = "LOCAL_RANK" in os.environ or "SLURM_JOB_ID" in os.environ or "ray" in sys.modules
    if "torch" not in sys.modules and not _held and not is_given:
        take_accelerators(1)


def end_without_parent() -> None:
    """From now on, save and stop when the process that has started this one is gone."""
    threading.Thread(target=_end_without_parent, name="sweep", daemon=True).start()


def ask_to_stop_by(mark: Path, env: dict[str, str]) -> dict[str, str]:
    """Return an environment for processes which stop when this one leaves `mark`."""
    return {**env, STOP_MARK: str(mark)}


def _end_without_parent() -> None:
    """Save and stop when the sweep's own process was killed, and begin no other job."""
    mark = os.environ.get(STOP_MARK, "")
    pid = mark.rpartition("-")[2]
    parent = int(pid) if pid.isdecimal() else os.getppid()  # it may be gone already
    while os.getppid() == parent:
        time.sleep(1)
    if mark:
        with suppress(OSError), unrefused():
            Path(mark).touch()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_TIME_TO_SAVE)
    os._exit(128 + signal.SIGTERM)


def take_accelerators(count: int) -> bool:
    """Show this process `count` accelerators only, where there are several: those that no other worker has.

    Returns whether it got as many; a process that gets none sees one that another one has too.
    """
    names = _visible or accelerators()
    if len(names) < 2:
        return count == 1
    _visible[:] = names
    for name in names:
        if len(_held) >= count:
            break
        lock = None
        with suppress(OSError):  # nowhere to lock
            lock = None if name in _held else try_lock(of_this_machine(f"accelerator-{name}"))
        if lock:
            _held[name] = lock
    taken = [*_held] or [names[os.getpid() % len(names)]]  # more workers than accelerators
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(taken)
    return len(_held) >= count


def accelerators(devices: Path = Path("/proc/driver/nvidia/gpus")) -> list[str]:
    """Return the names of the accelerators that this process may use, without importing torch."""
    if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name.strip() for name in visible.split(",") if name.strip()]
    return [str(index) for index in range(len(list(devices.iterdir())))] if devices.is_dir() else []


def _leave_to_the_mark(signum: int, frame: FrameType | None) -> None:
    """Do nothing, as `signal.SIG_IGN` would, but for this process only and not for those that it starts."""


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    raise Interrupted(signum)
