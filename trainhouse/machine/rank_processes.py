"""Processes of this machine that work together as the ranks of one job: started, watched and ended together."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

_POLL = 0.1  # seconds
_TO_END = 15.0  # seconds that the others have once one has failed; then they are asked to end, then killed
_NOT_OURS = (  # who else may have started this process: its ranks are not those of the job
    "SLURM_NTASKS",
    "SLURM_PROCID",
    "SLURM_LOCALID",
    "OMPI_COMM_WORLD_RANK",
    "PMI_RANK",
    "JSM_NAMESPACE_RANK",
)


class RankProcesses:
    """`count` processes of the same command, which find each other at a free port of this machine."""

    def __init__(self, command: Sequence[str], count: int, env: Mapping[str, str], folder: Path) -> None:
        """Start them; what they write to their standard errors is kept in `folder`."""
        self._errors = [folder / f"stderr-{rank}" for rank in range(count)]
        self.first_failed: int | None = None
        self._failed_at = 0.0
        self._are_asked = False  # once: to be asked twice is to be ended at once
        self._processes: list[subprocess.Popen[bytes]] = []
        shared = {name: value for name, value in env.items() if name not in _NOT_OURS}
        self._held, port = hold_port("127.0.0.1")
        shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count)}
        try:
            for rank, errors in enumerate(self._errors):
                with open(errors, "wb") as file:
                    self._processes.append(_start(command, {**shared, "NODE_RANK": "0", "LOCAL_RANK": str(rank)}, file))
        except BaseException:
            self.kill()
            raise

    def wait(self, look: Callable[[], None]) -> None:
        """Wait until all have ended, and call `look` meanwhile. When one has failed the others end, or are ended."""
        while any([one.poll() is None for one in self._processes]):  # noqa: C419  # each is to be asked
            look()
            self._end_with_the_first()
            time.sleep(_POLL)
        self._held.close()
        self._end_with_the_first()

    def _end_with_the_first(self) -> None:
        failed = [rank for rank, one in enumerate(self._processes) if one.returncode]
        if failed and self.first_failed is None:
            # What a signal has ended is the cause, and what ended with a line about it the consequence.
            self.first_failed = min(failed, key=lambda rank: (self._processes[rank].returncode > 0, rank))
            self._failed_at = time.monotonic()
        waited = time.monotonic() - self._failed_at if failed else 0.0
        if waited > 2 * _TO_END:
            self.kill()
        elif waited > _TO_END and not self._are_asked:
            self._are_asked = True
            for one in self._processes:
                if one.poll() is None:
                    one.terminate()

    def how_it_ended(self, rank: int) -> str:
        """Return in a line how one ended that has said nothing itself; the last line of its errors, if there is one."""
        status = self._processes[rank].returncode
        if status < 0:
            name = signal.Signals(-status).name
            return f"rank {rank} was ended by {name}" + ("; memory may be short" if name == "SIGKILL" else "")
        lines = self._errors[rank].read_text(errors="replace").strip().splitlines()
        return f"rank {rank}: {lines[-1] if lines else f'ended with status {status}'}"

    def kill(self) -> None:
        """End them at once, with what they have started."""
        for one in self._processes:
            if one.poll() is None:
                with suppress(OSError):
                    os.killpg(one.pid, signal.SIGKILL)
                one.wait()
        self._held.close()


def _start(command: Sequence[str], env: Mapping[str, str], errors: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Start one in a session of its own: a terminal's signals, and a cluster's, are for who has started it."""

    def ignore() -> None:
        for name in ("SIGUSR1", "SIGUSR2"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_IGN)

    return subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stderr=errors,
        start_new_session=True,
        preexec_fn=ignore if os.name == "posix" else None,
    )


def hold_port(address: str) -> tuple[socket.socket, int]:
    """Return a port of `address`, one of this machine, that nobody has, and what keeps it until a rank listens there.

    Only Linux lets that one take it then; elsewhere it is free for a moment.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((address, 0))
    port = int(held.getsockname()[1])
    if sys.platform != "linux":
        held.close()
    return held, port
