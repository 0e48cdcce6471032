"""Where the processes of one run leave short messages for each other: torchrun's store, or files on a shared disk."""

import os
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

from trainhouse.machine.files import write_text
from trainhouse.machine.mpi import job_of_mpi
from trainhouse.machine.ranks import Ranks
from trainhouse.runs.outputs import outputs

TOGETHER = 10.0
"""Seconds between what two processes say of the same error, at most; and for which a store may leave one waiting."""
POLL = 0.05
"""Seconds between two looks."""
_FOLDER = ".ranks"
_BEFORE = 3600.0  # seconds by which the clocks of machines, and the starts of processes, may differ

_started = time.time()


class Place(Protocol):
    """Messages by their names."""

    def put(self, name: str, text: str) -> None:
        """Leave one, or replace it."""

    def get(self, name: str, seconds: float) -> str | None:
        """Wait for one so long; None if it doesn't come."""

    def names(self, pattern: str) -> list[str]:
        """Return names of messages that are there, as ``failed-*``; one look, for however many processes.

        Those that are found may be all, as among files, or only the one that was left last, as in torchrun's store.
        """


class Store:
    """The one that torchrun keeps for its processes."""

    def __init__(self, job: str, seconds: float) -> None:
        from torch.distributed import TCPStore  # type: ignore[attr-defined]

        address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        self._store = TCPStore(address, port, is_master=False, timeout=timedelta(seconds=seconds))
        self._prefix, self._is_lost = f"trainhouse/{job}", False

    def put(self, name: str, text: str) -> None:
        """Leave a message."""
        self._asked(lambda: self._store.set(f"{self._prefix}/{name}", text))
        pattern = f"{name.rpartition('-')[0]}-*"
        self._asked(lambda: self._store.set(f"{self._prefix}/{pattern}", name))

    def get(self, name: str, seconds: float) -> str | None:
        """Wait for one."""
        key, until = f"{self._prefix}/{name}", time.monotonic() + seconds
        while not (is_there := self._asked(lambda: self._store.check([key]))):  # its own waiting prints lines
            if is_there is None or time.monotonic() >= until:
                return None
            time.sleep(POLL)
        text = self._asked(lambda: self._store.get(key))
        return None if text is None else bytes(text).decode()

    def names(self, pattern: str) -> list[str]:
        """Return the last of the names that match."""
        name = self.get(pattern, 0)
        return [name] if name else []

    def _asked(self, call: Callable[[], Any]) -> Any:
        """Return its answer; None if torchrun has ended, or gives none for a time, as over a network that is gone."""
        answers: SimpleQueue[Any] = SimpleQueue()

        def ask() -> None:
            with suppress(RuntimeError):
                answers.put(call())

        if not self._is_lost:
            asking = threading.Thread(target=ask, daemon=True)
            asking.start()
            asking.join(TOGETHER)
            self._is_lost = asking.is_alive()
        return None if answers.empty() else answers.get()


class Files:
    """Files of one job, which the first process removes at its end."""

    def __init__(self, here: Ranks) -> None:
        self._here = here
        job = here.job or (job_of_mpi() if here.launcher == "mpirun" else "")
        self._folder = outputs() / _FOLDER / re.sub(r"[^\w.-]+", "_", f"{here.launcher}-{job}")
        self._last, self._made = "", list[Path]()

    def put(self, name: str, text: str) -> None:
        """Leave a message."""
        self._last = name
        with suppress(OSError):  # what can't be written can't be claimed either, and that is said
            self._made += [path for path in self._folder.parents if not path.exists()]
            self._folder.mkdir(parents=True, exist_ok=True)
            write_text(self._folder / name, text)

    def get(self, name: str, seconds: float) -> str | None:
        """Wait for one."""
        until = time.monotonic() + seconds
        while True:
            with suppress(OSError):
                path = self._folder / name
                if path.stat().st_mtime > _started - _BEFORE:  # of an earlier job of that name, which was killed
                    text = path.read_text("utf-8")
                    if self._here.rank:
                        (self._folder / f"heard-{name}-{self._here.rank}").touch()
                    return text
            if time.monotonic() >= until:
                return None
            time.sleep(POLL)

    def names(self, pattern: str) -> list[str]:
        """Return the names that match."""
        return [path.name for path in self._folder.glob(pattern)]

    def remove(self) -> None:
        """Take away what has been said, when all have heard it."""
        until = time.monotonic() + TOGETHER
        with suppress(OSError):
            others = self._here.world - 1
            while time.monotonic() < until and len([*self._folder.glob(f"heard-{self._last}-*")]) < others:
                time.sleep(POLL)
            for path in self._folder.iterdir():
                path.unlink()
            for path in (self._folder, *self._made):  # those that are empty
                path.rmdir()
