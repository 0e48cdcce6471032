"""Commands in processes of their own: timed, under a terminal, side by side, or with their memory watched."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COLUMNS_OF_TERMINAL = 100
_POLL_SECONDS = 0.005

Command = Sequence[str]


class SkippedError(Exception):
    """A row can't be measured here; the text says what it needs."""


def python(*arguments: str | Path) -> list[str]:
    """Return the command that runs this Python."""
    return [sys.executable, *map(str, arguments)]


def _environment(**variables: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TRAINHOUSE_PROJECT": ".", **variables}


def output_of(command: Command, cwd: Path, expected_status: int = 0, **variables: str) -> str:
    """Run a command to its end and return what it printed; `variables` are added to its environment.

    Raises `RuntimeError` if it ends as not expected.
    """
    environment = _environment(**variables)
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    _check(command, done.returncode, done.stdout + done.stderr, expected_status)
    return done.stdout


def in_terminal(command: Command, cwd: Path) -> str:
    """Run a command under a terminal of its own, so that it draws its bars, and return what it drew."""
    try:
        import pty
        import termios
    except ImportError as error:
        raise SkippedError("skipped: needs pseudo-terminals, which this system has not") from error
    reader, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (40, COLUMNS_OF_TERMINAL))
    process = subprocess.Popen(
        command, cwd=cwd, env=_environment(), stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    drawn = b""
    try:
        while block := _read(reader):
            drawn += block
        process.wait()
    finally:
        process.kill()
        process.wait()
        os.close(reader)
    _check(command, process.returncode, drawn.decode(errors="replace"))
    return drawn.decode(errors="replace")


def _read(reader: int) -> bytes:
    """Return what is there, waiting for something; nothing at the end, which Linux calls an error."""
    try:
        return os.read(reader, 65536)
    except OSError:
        return b""


def side_by_side(commands: Sequence[Command], cwd: Path) -> None:
    """Start all commands at once and wait for the last one."""
    processes = [
        subprocess.Popen(
            command, cwd=cwd, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for command in commands
    ]
    try:
        outputs = [process.communicate()[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    for command, process, output in zip(commands, processes, outputs, strict=True):
        _check(command, process.returncode, output)


def peak_memory(command: Command, cwd: Path) -> float:
    """Run a command and return the most memory that it has held, in MiB, by samples every 5 ms.

    Mapped files are left out, whose pages the system takes back when it needs them. Reads /proc: `ru_maxrss` would
    begin at this process's own size.
    """
    if not Path("/proc/self/status").exists():
        raise SkippedError("skipped: needs /proc, which only Linux has")
    peak = 0.0
    log = cwd / "peak_memory.txt"
    with open(log, "w+") as output:
        process = subprocess.Popen(command, cwd=cwd, env=_environment(), stdout=output, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                status = Path(f"/proc/{process.pid}/status").read_text()
                found = re.search(r"^RssAnon:\s+(\d+) kB", status, re.MULTILINE)  # gone once the process is ending
                peak = max(peak, int(found[1]) / 1024 if found else 0.0)
                time.sleep(_POLL_SECONDS)
        finally:
            process.kill()
            process.wait()
    _check(command, process.returncode, log.read_text())
    return peak


def _check(command: Command, status: int, output: str, expected: int = 0) -> None:
    if status != expected:
        raise RuntimeError(f"{' '.join(command)} ended with {status}, not {expected}:\n{output[-2000:]}")
