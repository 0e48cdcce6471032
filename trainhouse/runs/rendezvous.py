"""One run for all processes that torchrun, srun or mpirun start: the first claims its folder, the others hear of it.

Each of them is given the same command line, but only the first may decide what it comes to: a folder's name has the
time in it, and a file in ``conf/`` may change between two processes. torchrun has a store for its processes; elsewhere
what is said is a file in the folder of all runs, which they have in common anyway.
"""

import json
import logging
import os
import re
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.printable import printable
from trainhouse.machine.files import write_text
from trainhouse.machine.ranks import Ranks, free_port, meet_at, ranks, tell_torchrun
from trainhouse.runs.layout import CONFIG
from trainhouse.runs.outputs import outputs

SECONDS = 300.0
"""For which the others wait for what the first process says."""
_TOGETHER = 10.0  # seconds between the same error of two processes, at most
_FOLDER = ".ranks"
_RUN, _FAILED, _STOPPED = "run", "failed", "stopped"
_TIME_TO_SAVE, _TO_END = 30.0, 5.0  # seconds, the first as torchrun gives
_POLL, _WATCH = 0.05, 2.0  # seconds
_BEFORE = 120.0  # seconds by which the clocks of machines, and the starts of processes, may differ

_log = logging.getLogger(__name__)
_started = time.time()
_said = threading.Event()  # why the run has failed or stops, by this process


def is_shared() -> bool:
    """Whether others than this process, which somebody else has started, belong to the run."""
    here = ranks()
    return bool(here.launcher) and here.world > 1


def say_run(content: dict[str, Any]) -> None:
    """Tell the other processes, as the first, what the run is, and at which port all meet."""
    if is_shared():
        port = _port()
        _place().put(_RUN, json.dumps({**content, "port": port}))
        meet_at(port)


def heard_run() -> dict[str, Any]:
    """Wait for what the first process says. Raises `UserError` if it says nothing for `SECONDS`; ends if it failed."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if text := _place().get(_RUN, _POLL):
            content: dict[str, Any] = json.loads(text)
            meet_at(content["port"])
            return content
        if _place().get(f"{_FAILED}-0", 0):
            sys.exit(1)  # it has said why
    here = ranks()
    raise UserError(
        f"rank {here.rank} of {here.world}: the first rank has said nothing for {SECONDS:.0f} s; on several machines "
        f"{outputs().absolute()} has to be the same folder for all of them"
    )


def _port() -> int | None:
    """Return a free port for all to meet at; None if who has started them knows one that nobody else meets at."""
    is_known = "MASTER_PORT" in os.environ if ranks().launcher == "srun" else remembered_run() is None
    return None if is_known else free_port()


def remember_run(folder: Path) -> None:
    """Have the processes that torchrun starts again, should one of them fail, take the same run up."""
    if (store := _of_all_starts()) is not None:
        store.put(_RUN, str(folder.absolute()))


def remembered_run() -> str | None:
    """Return the folder of the run that earlier processes of the same torchrun have begun."""
    store = _of_all_starts()
    folder = store.get(_RUN, 0) if store is not None else None
    return folder if folder and (Path(folder) / CONFIG).is_file() else None


def say_failed(line: str) -> str:
    """Let the others know that this process has failed; return what is to be said of it, "" if the first says it."""
    tell_torchrun(line)
    if not is_shared():
        return line
    here = ranks()
    _place().put(f"{_FAILED}-{here.rank}", line)
    if here.rank == 0:
        _said.set()
        return line
    first = _place().get(f"{_FAILED}-0", _TOGETHER)
    return "" if first == line else f"rank {here.rank} on {socket.gethostname()}: {line}"


def say_stopped(signum: int) -> None:
    """Let the others know that this process ends by a signal, in a moment in which ranks can't agree on that."""
    if is_shared() and isinstance(place := _place(), _Files):  # torchrun tells them
        _said.set()
        place.put(f"{_STOPPED}-{ranks().rank}", str(signum))


def leave() -> None:
    """Say, as the first, no more: the command has come to its end."""
    if is_shared() and ranks().rank == 0 and isinstance(place := _place(), _Files):
        place.remove()


def watch() -> None:
    """End this process when another of the run has failed, which waits for nobody; torchrun does that by itself."""
    if is_shared() and isinstance(_place(), _Files):
        threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    here, place = ranks(), _place()
    assert isinstance(place, _Files)
    while True:
        time.sleep(_WATCH)
        for name in place.names(f"{_FAILED}-*"):
            rank = int(name.rpartition("-")[2])
            if rank != here.rank and (line := place.get(name, 0)):
                if _are_together():
                    time.sleep(_TOGETHER)  # in which the run is recorded as failed
                if here.rank == 0 and not _said.is_set():
                    _said.set()
                    message = f"error: rank {rank} has failed: {printable(line)}"
                    _log.error(message, extra={"file_only": True})
                    print(message, file=sys.stderr, flush=True)
                os._exit(1)
        for name in place.names(f"{_STOPPED}-*"):
            if int(name.rpartition("-")[2]) != here.rank and (text := place.get(name, 0)):
                if not _said.is_set():  # it has heard of it already
                    os.kill(os.getpid(), int(text))
                time.sleep(_TIME_TO_SAVE if _are_together() else _TO_END)  # it may wait for one that has ended
                if here.rank == 0:
                    message = f"stopped by {signal.Signals(int(text)).name}, as rank {name.rpartition('-')[2]} was"
                    _log.error(message, extra={"file_only": True})
                    print(message, file=sys.stderr, flush=True)
                os._exit(128 + int(text))


def _are_together() -> bool:
    """Whether the ranks have found one another, and wait for one another from now on."""
    return "torch" in sys.modules and bool(sys.modules["torch"].distributed.is_initialized())


class _Place(Protocol):
    def put(self, name: str, text: str) -> None: ...
    def get(self, name: str, seconds: float) -> str | None: ...


@cache
def _place() -> _Place:
    here = ranks()
    return _Store(here.job) if _has_store(here) else _Files(here)


def _has_store(here: Ranks) -> bool:
    return here.launcher == "torchrun" and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"


@cache
def _of_all_starts() -> "_Store | None":
    return _Store("all starts") if _has_store(ranks()) else None


class _Store:
    """The one that torchrun keeps for its processes."""

    def __init__(self, job: str) -> None:
        from torch.distributed import TCPStore  # type: ignore[attr-defined]

        address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        self._store = TCPStore(address, port, is_master=False, timeout=timedelta(seconds=SECONDS))
        self._prefix = f"trainhouse/{job}"

    def put(self, name: str, text: str) -> None:
        with suppress(RuntimeError):  # torchrun has ended
            self._store.set(f"{self._prefix}/{name}", text)

    def get(self, name: str, seconds: float) -> str | None:
        key, until = f"{self._prefix}/{name}", time.monotonic() + seconds
        with suppress(RuntimeError):
            while not self._store.check([key]):  # its own waiting ends in lines on the terminal
                if time.monotonic() >= until:
                    return None
                time.sleep(_POLL)
            return bytes(self._store.get(key)).decode()
        return None


class _Files:
    """Files of one job, which the first process removes at its end."""

    def __init__(self, here: Ranks) -> None:
        self._here = here
        self._folder = outputs() / _FOLDER / re.sub(r"[^\w.-]+", "_", f"{here.launcher}-{here.job}")
        self._last, self._made = _RUN, list[Path]()

    def put(self, name: str, text: str) -> None:
        self._last = name
        with suppress(OSError):  # what can't be written can't be claimed either, and that is said
            self._made += [path for path in self._folder.parents if not path.exists()]
            self._folder.mkdir(parents=True, exist_ok=True)
            write_text(self._folder / name, text)

    def get(self, name: str, seconds: float) -> str | None:
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
            time.sleep(_POLL)

    def names(self, pattern: str) -> list[str]:
        """Return what has been said so far, by the names that match; one look, for however many processes."""
        return [path.name for path in self._folder.glob(pattern)]

    def remove(self) -> None:
        """Take away what has been said, when all have heard it."""
        until = time.monotonic() + _TOGETHER
        with suppress(OSError):
            others = self._here.world - 1
            while time.monotonic() < until and len([*self._folder.glob(f"heard-{self._last}-*")]) < others:
                time.sleep(_POLL)
            for path in self._folder.iterdir():
                path.unlink()
            for path in (self._folder, *self._made):  # those that are empty
                path.rmdir()
