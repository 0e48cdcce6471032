"""What becomes of jobs in SLURM's queue, as SLURM itself says it.

submitit hears of a job only by its result, and by the accounting that some clusters don't keep.
"""

import re
import subprocess
import time

from trainhouse.machine import terminal
from trainhouse.machine.sweep_worker import stop_asked

_EVERY = 20.0  # seconds between two looks
# Why a job waits that will not start by itself; for free machines, for its turn or for its time it waits as usual.
_NEVER = re.compile(r"Partition(Time|Node)Limit|BadConstraints|Invalid|JobHeld|(Assoc|QOS).*(PerJob|Wall)")


class SlurmQueue:
    """Jobs that were queued together, an array or one."""

    def __init__(self, number: str) -> None:
        """`number` is that of the array, or of the job."""
        self.number = number
        self.taken_out: set[str] = set()
        """Jobs that will not run, since the sweep was stopped while they waited."""
        self._missed: dict[str, int] = {}  # in how many looks at the queue each job was not there
        self._looked_at = time.monotonic()
        self._has_said = self._is_stopped = False

    def has_lost(self, job: str) -> bool:
        """Whether a job, such as ``47_0``, is no longer there: it has ended, or never begun."""
        self._missed.setdefault(job, 0)
        if stop_asked() and not self._is_stopped:
            self._is_stopped = True
            self._take_out_what_waits()
        elif time.monotonic() > self._looked_at + _EVERY:
            self._look()
        return job in self.taken_out or self._missed[job] > 1  # its result may come a little later

    def _look(self) -> None:
        if (found := self._ask()) is None:
            return
        for job in self._missed:
            self._missed[job] = 0 if job in found else self._missed[job] + 1
        never = next((reason for state, reason in found.values() if state == "PENDING" and _NEVER.match(reason)), None)
        if never and not self._has_said:
            self._has_said = True
            terminal.say(f"warning: job {self.number} waits in the queue, and will not start by itself: {never}")

    def _take_out_what_waits(self) -> None:
        waiting = {job for job, (state, _) in (self._ask() or {}).items() if state == "PENDING"}
        if waiting:
            _run("scancel", "--state=PENDING", self.number)
            self.taken_out = waiting - {*(self._ask() or {})}

    def _ask(self) -> dict[str, tuple[str, str]] | None:
        """Return the state of each job that is in the queue, and why it waits there; None if nobody answers."""
        self._looked_at = time.monotonic()
        said = _run("squeue", "--noheader", "--array", f"--jobs={self.number}", "--format=%i|%T|%r")
        if said is None:
            return None
        lines = [line.split("|") for line in said.splitlines()]
        return {line[0]: (line[1], line[2]) for line in lines if len(line) == 3}


def _run(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    is_known = done.returncode == 0 or "Invalid job id" in done.stderr  # of one that has ended a while ago
    return done.stdout if is_known else None
