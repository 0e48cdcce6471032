"""A grid: every combination of the values that were given, each tried once."""

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from trainhouse.configuration.errors import UserError
from trainhouse.machine.locks import try_lock
from trainhouse.runs.layout import SWEEP
from trainhouse.sweeps.folder import (
    LOCK,
    command_of,
    has_begun,
    read_job,
    read_record,
    same_job,
    split_line,
    write_record,
)
from trainhouse.sweeps.job import COMPLETE, FAIL, Job, Objective
from trainhouse.sweeps.plan import Task

_WRITTEN_EVERY = 10.0  # seconds: with very many jobs, of which very many fail, writing takes longer than failing


class GridPlan:
    """The jobs of a grid; those that a folder holds already are not run again."""

    is_search = False
    is_kept = True

    def __init__(self, folder: Path, jobs: list[list[str]], objectives: Sequence[Objective], command: str) -> None:
        """Plan `jobs`, each a list of overrides. Raises `UserError` if `folder` holds another sweep."""
        self.folder, self.objectives = folder, objectives
        self._is_written = True
        lock = try_lock(folder / LOCK)
        if lock is None:
            raise UserError(f"sweep.resume: another process is at work on {folder}; wait for it, or end it")
        self._lock = lock
        try:
            self._join(jobs, command)
        except BaseException:
            self.close()
            raise

    def _join(self, jobs: list[list[str]], command: str) -> None:
        """Find out which of `jobs` the folder has already, and keep the others' numbers."""
        folder = self.folder
        record = read_record(folder)
        if record and record.get("kind") != "grid":
            raise UserError(f"sweep.resume: {folder} holds a search, not a grid; its command was: {command_of(record)}")
        known = _jobs_of(record, folder / SWEEP)
        numbers = {same_job(lines): number for number, lines in enumerate(known)}
        if known and not any(same_job(job) in numbers for job in jobs):
            raise UserError(
                f"sweep.resume: none of these trials is in {folder}; give the command that it was started with, and "
                f"sweep.resume: {command_of(record)}"
            )
        for job in jobs:
            number = numbers.setdefault(same_job(job), len(known))
            known[number : number + 1] = [job]  # as it is typed now: the file's line may say more
        self._lines = known
        self._asked = frozenset(numbers[same_job(job)] for job in jobs)
        self.note = self.drawn = ""
        self.logarithmic: frozenset[str] = frozenset()
        if len(self._asked) < len(jobs):
            self.note = (
                f"{len(jobs)} trials were asked for, {len(self._asked)} of them different; repeats differ in seed"
            )
        self.shared = frozenset(key for key, values in _values(known).items() if len(values) == 1 and len(known) > 1)
        self._errors = {int(number): str(error) for number, error in record.get("errors", {}).items()}
        self._complete: dict[int, Job] = {}
        self._open: list[int] = []
        self._written_at = 0.0
        shared = record.get("shared", sorted(self.shared))  # of the first start: trials keep what loggers call them
        self._record = {"kind": "grid", "command": record.get("command", command), "shared": shared, "jobs": known}

    def start(self) -> None:
        """Keep what the sweep is, and set aside what failed: it is run again."""
        self._errors = {number: error for number, error in self._errors.items() if number not in self._asked}
        self._write()
        for found in self.jobs():
            if found.state == FAIL and found.number in self._asked:
                self._set_aside(found)
        self._open = [job.number for job in self.jobs() if job.number in self._asked and job.state != COMPLETE]

    def _write(self) -> None:
        write_record(self.folder, {**self._record, "errors": self._errors})
        self._written_at, self._is_written = time.monotonic(), True

    def _write_errors(self) -> None:
        """Keep why jobs could not begin, if there is room: without it they are tried again, as they are with it."""
        with suppress(OSError):
            self._write()

    def is_asked_for(self, number: int) -> bool:
        """Whether the command has this job; others are of an earlier one in the same folder."""
        return number in self._asked

    def examples(self, groups: Sequence[str]) -> list[list[str]]:
        """Return the first job, one for every choice of the `groups`, and the last."""
        seen: dict[tuple[str, ...], list[str]] = {}
        for number in sorted(self._asked):
            chosen = tuple(line for line in self._lines[number] if split_line(line)[0].lstrip("+") in groups)
            seen.setdefault(chosen, self._lines[number])
        return [*seen.values(), self._lines[max(self._asked)]]

    def next(self, size: int | None) -> list[Task]:
        """Return the next jobs that have no result yet."""
        numbers, self._open = self._open[:size], self._open[len(self._open[:size]) :]
        return [Task(number, self._lines[number], has_begun(self.folder / str(number))) for number in numbers]

    def ended(self, task: Task, error: str | None) -> None:
        """Keep the error of a job that could not begin."""
        if error is not None:
            self._errors[task.number] = error
            self._is_written = False
            if time.monotonic() > self._written_at + _WRITTEN_EVERY:
                self._write_errors()

    def jobs(self) -> list[Job]:
        """Return all jobs; what is complete is read once. A failed one may be requeued by a cluster."""
        return [self._job(number) for number in range(len(self._lines))]

    def _job(self, number: int) -> Job:
        if number in self._complete:
            return self._complete[number]
        job = read_job(self.folder, number, self._lines[number], self.objectives, self._errors.get(number))
        if job.state == COMPLETE:
            self._complete[number] = job
        return job

    def total(self) -> int:
        """Return the number of jobs, those of earlier commands in the same folder among them."""
        return len(self._lines)

    def close(self) -> None:
        """Let another process resume the sweep."""
        try:
            if not self._is_written:
                self._write_errors()
        finally:
            self._lock.close()

    def _set_aside(self, job: Job) -> None:
        """Give a failed run's folder another name: it is tried again, and what it left can be looked at."""
        folder = self.folder / job.folder
        for number in range(1, 1000):
            aside = folder.with_name(f"{folder.name}.failed-{number}")
            if not aside.exists():
                folder.rename(aside)
                break


def _jobs_of(record: dict[str, Any], source: Path) -> list[list[str]]:
    """The jobs that a sweep's record holds, if it holds what a sweep writes: anybody can edit it."""
    jobs, errors = record.get("jobs", []), record.get("errors", {})
    are_lines = isinstance(jobs, list) and all(
        isinstance(job, list) and all(isinstance(line, str) for line in job) for job in jobs
    )
    if not are_lines or not isinstance(errors, dict) or not all(number.isdecimal() for number in errors):
        raise UserError(f"{source}: its trials, or their errors, are not what a sweep writes; name another folder")
    return list(jobs)


def _values(jobs: Sequence[Sequence[str]]) -> dict[str, set[str]]:
    values: dict[str, set[str]] = {}
    for key, value in (split_line(line) for job in jobs for line in job):
        values.setdefault(key, set()).add(value)
    return values
