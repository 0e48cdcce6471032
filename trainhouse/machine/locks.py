"""Who is at work on a sweep: locks that end with their process, however it ends, on any machine with the same files.

filelock locks an open file as each system can. Its class `FileLock` is not for this: on a file system without locks it
makes do with a mark, which a killed process leaves behind, and then another machine would wait for ever.
"""

import os
import re
import socket
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


def of_this_machine(name: str) -> Path:
    """Return the file by which the processes of this user on this machine know who has the thing called `name`."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"{name}-{user}.lock"


def try_lock(path: Path) -> IO[str] | None:
    """Return the open file if nobody holds a lock on it; closing it gives the lock back. None if somebody does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - held on to
    if _lock(file) is False:
        file.close()
        return None
    return file


def _lock(file: IO[str], wait: bool = False) -> bool | None:
    """Lock a file; return whether nobody else has it locked, None where files can't be locked."""
    from filelock import lock_descriptor  # 10 ms: not for those who lock nothing

    try:
        return lock_descriptor(file.fileno(), blocking=wait, poll_interval=0.01)
    except OSError:  # a file system without locks, as some of clusters are
        return None


def lock_to_the_end(file: IO[str]) -> bool | None:
    """Lock a file until this process ends, however it ends; its children don't hold the lock.

    Returns whether nobody else has it locked, None where files can't be locked so.
    """
    try:
        import fcntl

        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):  # Windows; a file system without locks
        return None
    return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for the lock at `path` and hold it for the block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        _lock(file, wait=True)
        yield


_POLL = 0.02  # seconds


@contextmanager
def one_at_a_time(name: str, patience: float = 600.0) -> Iterator[None]:
    """Hold, for the block, what one process of this user on this machine can have: for work that others can take over.

    It may be done twice all the same: after so many seconds of `patience` with a process that hangs, and where nothing
    can be locked.
    """
    path, lock = of_this_machine(name), None
    ends = time.monotonic() + patience
    with suppress(OSError):
        while (lock := try_lock(path)) is None and time.monotonic() < ends:
            time.sleep(_POLL)
    try:
        yield
    finally:
        if lock:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            lock.close()


_NAME_OF_A_WORKER = r"[^/\\\0]+-\d+-[0-9a-f]{8}"


class Worker:
    """A process that works on a sweep, as others see it: a locked file below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"{name_of_process()}-{uuid.uuid4().hex[:8]}"
        folder.mkdir(parents=True, exist_ok=True)
        self._file = open(folder / self.name, "a", encoding="utf-8")  # noqa: SIM115 - held on to
        self._is_locked = _lock(self._file) is True

    def close(self) -> None:
        """Be seen no longer."""
        self._file.close()
        (self.folder / self.name).unlink(missing_ok=True)

    def is_alive(self, name: str) -> bool:
        """Whether the worker of that name is still at work; where files can't be locked, as far as its name tells."""
        if name == self.name:
            return True
        # The name comes from a file that may be anybody's.
        path = self.folder / name
        if not re.fullmatch(_NAME_OF_A_WORKER, name) or not path.is_file():
            return False
        if not self._is_locked:
            return may_run(name)
        file = try_lock(path)
        if file is None:
            return True
        file.close()
        path.unlink(missing_ok=True)
        return False


def name_of_process() -> str:
    """Return what this process is called among those of all machines: <machine>-<number>."""
    return f"{_machine()}-{os.getpid()}"


def _machine() -> str:
    """Return the name of this machine; on Linux with whose process numbers these are, as containers may share it."""
    with suppress(OSError):
        start = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]  # machines may share it too
        return f"{socket.gethostname()}.{start}.{os.stat('/proc/self/ns/pid').st_ino}"
    return socket.gethostname()


def may_run(name: str) -> bool:
    """Whether a process runs on this machine, or may on another; its `name` is <machine>-<number>-<anything>."""
    host, pid, _ = name.rsplit("-", 2) if re.fullmatch(r".+-\d+-[^-]*", name) else ("", "", "")
    if host != _machine() or os.name == "nt":
        return host != _machine()
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
