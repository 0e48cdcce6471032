"""Watches what reading a file does: what it writes, what it starts, and for how long."""

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from trainhouse.configuration.errors import UserError

LONGEST = 20  # seconds: what takes longer hangs
_TEMPORARY = Path(tempfile.gettempdir()).resolve()


class _Watch:
    """What is written while it is on, from whatever module: Python tells its audit hooks, which can't be removed."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.outside: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.folder is None:
            return
        if event in ("os.system", "os.exec", "os.posix_spawn") or (
            event == "subprocess.Popen" and arguments[0] != "git"
        ):
            self.outside.append(f"{event} {arguments[0]}")
        elif event == "open":
            path, mode, flags = arguments
            writes = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) if mode is None else set(mode) & set("wax+")
            if writes and isinstance(path, str | bytes | os.PathLike):
                self._check(path)
        elif event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.truncate"):
            # A relative path may be below an open folder, as where a tree is removed: its own path was heard before.
            for path in arguments[: 1 if event in ("os.mkdir", "os.remove", "os.rmdir", "os.truncate") else 2]:
                if isinstance(path, str | bytes | os.PathLike) and (
                    arguments[-1] == -1 or Path(os.fsdecode(path)).is_absolute()
                ):
                    self._check(path)

    def _check(self, path: Any) -> None:
        folder, self.folder = self.folder, None
        assert folder is not None
        real = Path(os.fsdecode(path)).resolve()
        is_lock = real == _TEMPORARY or (real.parent == _TEMPORARY and real.suffix == ".lock")  # of this machine
        if not real.is_relative_to(folder) and not str(real).startswith("/dev/") and not is_lock:
            self.outside.append(str(real))
        self.folder = folder


_watch = _Watch()


@contextmanager
def only_below(folder: Path) -> Iterator[None]:
    """Fail if anything is written outside `folder`, or started, or if it takes longer than `LONGEST` seconds."""

    def hangs(signum: int, frame: FrameType | None) -> NoReturn:
        raise AssertionError(f"takes longer than {LONGEST} seconds")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(LONGEST)
    _watch.folder, _watch.outside = folder.resolve(), []
    try:
        yield
    finally:
        _watch.folder = None
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert not _watch.outside, f"writes or starts {_watch.outside[:3]}"


def outcome(act: Callable[[], Any], folder: Path) -> Any:
    """Return what `act` returns, or the `UserError` by which it refuses: all else that it raises is a fault."""
    with only_below(folder):
        try:
            return act()
        except UserError as error:
            return error
