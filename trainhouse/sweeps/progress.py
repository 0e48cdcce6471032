"""What a sweep says while it runs: a line for each job that has ended, and on a terminal one that is live."""

import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from trainhouse.configuration.errors import first_line
from trainhouse.configuration.printable import printable
from trainhouse.machine import terminal
from trainhouse.machine.numbers import format_number
from trainhouse.machine.terminal import LinePart
from trainhouse.reports.short_text import shown_value
from trainhouse.runs.layout import HISTORY, SWEEP_LOG
from trainhouse.sweeps.job import COMPLETE, ENDED, FAIL, PRUNED, Job, override_of
from trainhouse.sweeps.plan import Plan
from trainhouse.sweeps.result_files import write_results

_RESULTS_EVERY = 10.0  # seconds: a sweep of short jobs is not held up by writing


class Progress:
    """Looks at the jobs every second, whoever runs them, and says what has happened; keeps it in the sweep's log.

    Every few seconds it also writes the results so far, which a sweep that is killed then has.
    """

    def __init__(self, plan: Plan, folder: Path, seconds: float = 1.0) -> None:
        """`seconds` is the time between two looks."""
        self.plan, self.folder, self._seconds = plan, folder, seconds
        self._line = terminal.LiveLine(of_a_sweep=True)
        self._said = {job.number for job in plan.jobs() if job.state in ENDED}
        self._before = len(self._said)
        self._started = self._latest = self._written = time.monotonic()
        self._over, self._turn = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="sweep progress", daemon=True)
        self._log: TextIO | None = None
        self._warned = ""

    def __enter__(self) -> "Progress":
        path = self.folder / SWEEP_LOG
        path.parent.mkdir(parents=True, exist_ok=True)
        self._log = open(path, "a", encoding="utf-8")
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()
        self.look()
        with self._turn:
            self._line.clear()
        if self._log is not None:
            with suppress(OSError):  # a full disk, which was said
                self._log.close()
            self._log = None

    def say(self, text: str) -> None:
        """Print lines above the live one, and keep them in the log."""
        with self._turn:
            self._say(text)

    def look(self) -> None:
        """Say which jobs have ended since the last look; what keeps it from that must not end the sweep."""
        try:
            self._look()
        except Exception as error:  # such as a full disk, or a study that another process has locked
            self._warn(error)

    def _warn(self, error: Exception) -> None:
        text = f"warning: progress: {type(error).__name__}: {printable(first_line(error))}"
        if text != self._warned:
            print(text, file=sys.stderr)
        self._warned = text

    def _look(self) -> None:
        with self._turn:
            jobs = self.plan.jobs()
            for job in jobs:
                if job.state in ENDED and job.number not in self._said:
                    self._say(self._ended(job))
                    self._said.add(job.number)
                    self._latest = time.monotonic()
            if self._latest > self._written and time.monotonic() - self._written > _RESULTS_EVERY:
                write_results(self.folder, jobs, self.plan.objectives)
                self._written = time.monotonic()
            self._show(jobs)

    def _watch(self) -> None:
        while not self._over.wait(self._seconds):
            self.look()

    def _say(self, text: str) -> None:
        text = printable(text, lines=True)
        terminal.say(text)
        if self._log is not None:
            stamp = time.strftime("%Y-%m-%d %H:%M:%S")
            try:
                self._log.writelines(f"{stamp} {line}\n" for line in text.splitlines())
                self._log.flush()
            except OSError as error:
                self._warn(error)

    def _ended(self, job: Job) -> str:
        values = [f"{one.metric} {format_number(job.value(one.metric))}" for one in self.plan.objectives]
        outcome = {
            COMPLETE: "  ".join(values),
            PRUNED: f"pruned after {job.epochs} epochs",
            FAIL: f"failed: {job.error}",
        }
        seconds = f"  ({job.seconds:.1f} s)" if job.seconds is not None else ""
        own = {key: value for key, value in job.overrides.items() if key not in self.plan.shared}
        overrides = " ".join(override_of(key, shown_value(value, 60)) for key, value in own.items())
        return f"trial {job.number:<3} {outcome[job.state]}{seconds}  {overrides}"

    def _show(self, jobs: list[Job]) -> None:
        counts, total = Counter(job.state for job in jobs), self.plan.total()
        first = self.plan.objectives[0]
        failed_too = not self.plan.is_search  # there it is replaced
        done = counts[COMPLETE] + counts[PRUNED] + failed_too * counts[FAIL]
        parts = [LinePart(f"{done}/{total} trials")]
        ends = [(counts[PRUNED], "pruned"), (counts[FAIL], "failed")]
        parts += [LinePart(f"{count} {name}", 2) for count, name in ends if count]
        if found := [job for job in jobs if job.counts([first.metric])]:
            best = min(found, key=lambda job: first.badness(job.value(first.metric)))
            value = format_number(best.value(first.metric))
            parts.append(LinePart(f"best {first.metric} {value} (trial {best.number})", 1))
        running = [job for job in jobs if job.state == "RUNNING"]
        parts += [LinePart(f"trial {job.number}: {self._epochs(job)} epochs", 3) for job in running[:3]]
        if left := self._time_left(total):
            parts.append(LinePart(left))
        self._line.show(parts, done / total if total else None)

    def _epochs(self, job: Job) -> int:
        """Return how many epochs a job has done."""
        try:
            with open(self.folder / job.folder / HISTORY, encoding="utf-8") as file:
                return max(0, sum(1 for _ in file) - 1)  # below the header
        except OSError:
            return 0

    def _time_left(self, total: int) -> str:
        done = len(self._said) - self._before
        if not done or total <= len(self._said):
            return ""
        expected = (self._latest - self._started) / done * (total - len(self._said))
        return f"{terminal.duration(expected - (time.monotonic() - self._latest))} left"
