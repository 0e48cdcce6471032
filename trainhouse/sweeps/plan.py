"""What a sweep runs next: the agreement between whoever chooses the jobs and whoever runs them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from trainhouse.sweeps.job import Job, Objective


@dataclass(frozen=True)
class Task:
    """A job to be launched. `resumes` says that a run has begun in its folder and is to be resumed."""

    number: int
    lines: list[str]
    resumes: bool = False


class Plan(Protocol):
    """Chooses the jobs of a sweep and keeps how they ended."""

    objectives: Sequence[Objective]
    is_search: bool
    """Whether trials are drawn, one that failed is replaced, and one that fails costs the others nothing."""
    is_kept: bool
    """Whether the same command can resume it in another process."""
    note: str
    """What the user should know of it at the start; empty if there is nothing."""
    drawn: str
    """Of a search what its trials are drawn from, key by key; empty of a grid."""
    logarithmic: frozenset[str]
    """Of a search the keys that are drawn from a logarithmic interval."""
    shared: frozenset[str]
    """The keys of the overrides that all have in common."""

    def examples(self, groups: Sequence[str]) -> list[list[str]]:
        """Return overrides of jobs that have to compose before any is run: one of each choice of config `groups`.

        The first and the last of them differ in as many values as they can.
        """

    def start(self) -> None:
        """Make ready to launch, once the examples have been looked at."""

    def close(self) -> None:
        """Let other processes resume the sweep."""

    def next(self, size: int | None) -> list[Task]:
        """Return up to `size` jobs to launch now (None: all); none when the sweep is through."""

    def ended(self, task: Task, error: str | None) -> None:
        """Take note that a job has come back; `error` is why it could not run."""

    def jobs(self) -> list[Job]:
        """Return every job of the sweep that is known so far, by number."""

    def is_asked_for(self, number: int) -> bool:
        """Whether the job of this number is one of this command, and not only of an earlier one in the same folder."""

    def total(self) -> int:
        """Return how many jobs the whole sweep has."""
