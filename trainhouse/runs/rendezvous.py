"""One run for all processes that torchrun, srun or mpirun start: the first claims its folder, the others hear of it.

Each of them is given the same command line, but only the first may decide what it comes to: a folder's name has the
time in it, and a file in ``conf/`` may change between two processes. torchrun has a store for its processes; elsewhere
what is said is a file in the folder of all runs, which they have in common anyway.
"""

import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from functools import cache
from pathlib import Path
from typing import Any

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.printable import printable
from trainhouse.machine.rank_processes import hold_port
from trainhouse.machine.ranks import Ranks, meet_at, ranks, tell_torchrun
from trainhouse.runs.layout import CHECKPOINTS, CONFIG
from trainhouse.runs.outputs import outputs
from trainhouse.runs.rank_messages import POLL, TOGETHER, Files, Place, Store

SECONDS = 300.0
"""For which the others wait for what the first process says."""
_RUN, _FAILED, _STOPPED = "run", "failed", "stopped"
_TIME_TO_SAVE, _TO_END = 30.0, 5.0  # seconds, the first as torchrun gives
_WATCH, _UNTIL_SEEN = 2.0, 60.0  # seconds

_log = logging.getLogger(__name__)
_said = threading.Event()  # why the run has failed or stops, by this process
_held: list[socket.socket] = []  # ports, until the process ends


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
        if text := _place().get(_RUN, POLL):
            content: dict[str, Any] = json.loads(text)
            meet_at(content["port"])
            return content
        if _place().get(f"{_FAILED}-0", 0):
            sys.exit(1)  # it has said why
        time.sleep(POLL)  # a store that is lost answers at once
    here = ranks()
    raise UserError(
        f"rank {here.rank} of {here.world}: the first rank has said nothing for {SECONDS:.0f} s; on several machines "
        f"{outputs().absolute()} has to be the same folder for all of them"
    )


def _port() -> int | None:
    """Return a free port for all to meet at; None if who has started them knows one that nobody else meets at."""
    is_known = "MASTER_PORT" in os.environ if ranks().launcher == "srun" else remembered_run() is None
    if is_known:
        return None
    held, port = hold_port("")
    _held.append(held)
    return port


def checkpoints_in(folder: Path) -> list[list[Any]]:
    """Return the names and sizes of a run's checkpoints, by which another machine knows that its disk has the same."""
    found = [[path.name, path.stat().st_size] for path in (folder / CHECKPOINTS).glob("*.ckpt") if path.is_file()]
    return sorted(found)


def check_is_shared(folder: Path, checkpoints: list[list[Any]]) -> None:
    """Raise `UserError` if this machine doesn't have the run's folder with these checkpoints.

    A network's disk may show a new folder, or its new state, only after a while.
    """
    until = time.monotonic() + _UNTIL_SEEN
    while not (folder.is_dir() and checkpoints_in(folder) == checkpoints):
        if time.monotonic() >= until:
            what = "has other checkpoints than on" if folder.is_dir() else "is not there, but on"
            raise UserError(
                f"{folder.absolute()} {what} the machine of the first rank: it has to be on a disk that all machines "
                "share; outputs=<folder> puts runs there"
            )
        time.sleep(POLL)


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
    first = _place().get(f"{_FAILED}-0", TOGETHER)
    return "" if first == line else f"rank {here.rank} on {socket.gethostname()}: {line}"


def say_stopped(signum: int) -> None:
    """Let the others know that this process ends by a signal, in a moment in which ranks can't agree on that."""
    if is_shared() and isinstance(place := _place(), Files):  # torchrun tells them
        _said.set()
        place.put(f"{_STOPPED}-{ranks().rank}", str(signum))


def leave() -> None:
    """Say, as the first, no more: the command has come to its end."""
    if is_shared() and ranks().rank == 0 and isinstance(place := _place(), Files):
        place.remove()


def watch() -> None:
    """End this process when another of the run has failed, which waits for nobody.

    torchrun does that by itself on the machine of the other, and where ranks have found one another they notice.
    """
    if is_shared():
        threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    here, place = ranks(), _place()
    while True:
        time.sleep(_WATCH)
        if isinstance(place, Store) and _are_together():
            return
        for name in place.names(f"{_FAILED}-*"):
            rank = int(name.rpartition("-")[2])
            if rank != here.rank and (line := place.get(name, 0)):
                if _are_together():
                    time.sleep(TOGETHER)  # in which the run is recorded as failed
                if here.rank == 0 and not _said.is_set():
                    _said.set()
                    message = f"error: rank {rank} has failed: {printable(line)}"
                    tell_torchrun(message)
                    _log.error(message, extra={"file_only": True})
                    print(message, file=sys.stderr, flush=True)
                os._exit(1)
        for name in place.names(f"{_STOPPED}-*"):  # torchrun's are not told
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


@cache
def _place() -> Place:
    here = ranks()
    return Store(here.job, SECONDS) if _has_store(here) else Files(here)


def _has_store(here: Ranks) -> bool:
    return here.launcher == "torchrun" and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"


@cache
def _of_all_starts() -> Store | None:
    return Store("all starts", SECONDS) if _has_store(ranks()) else None
