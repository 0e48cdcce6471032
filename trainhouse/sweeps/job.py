"""What a sweep knows of one of its jobs, and what it looks for."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainhouse.reports.likeness import REPEATS

COMPLETE, PRUNED, FAIL = "COMPLETE", "PRUNED", "FAIL"
ENDED = (COMPLETE, PRUNED, FAIL)


@dataclass(frozen=True)
class Job:
    """One job of a grid, or one trial of a search, as its folder and its study describe it."""

    number: int
    overrides: dict[str, str]
    """Each key and value as it is typed: ``{"model.hidden_sizes": "[64]", "seed": "2", "~scheduler": ""}``."""
    state: str
    """COMPLETE, PRUNED or FAIL; RUNNING, INTERRUPTED or WAITING while the sweep is not through."""
    metrics: dict[str, float] = field(default_factory=dict)
    """The flat map of the job's `metrics.json`."""
    epochs: int | None = None
    best_epoch: int | None = None
    seconds: float | None = None
    folder: str = ""
    """Below the sweep's folder; empty for a job that has none yet."""
    error: str | None = None
    """One line."""
    data: str | None = None
    """Names the data and how it is split; values of jobs are comparable where it is the same."""
    loss: dict[str, Any] | None = None
    """What its losses measure, where it says so."""
    baseline: Any = None
    """The metrics of a constant prediction on its data, as its record has them."""
    length: dict[str, Any] | None = None
    """How long it was to be, by keys: ``auto`` is another number for another batch size."""
    source: str | None = None
    """The name of the data's file, or what else its record names."""

    def value(self, metric: str) -> float:
        """Return a metric, NaN where the job has none."""
        found = self.metrics.get(metric)
        return math.nan if found is None else float(found)

    def values(self, metrics: Iterable[str]) -> list[float]:
        """Return metrics in the order asked for, NaN where the job has none."""
        return [self.value(metric) for metric in metrics]

    def counts(self, metrics: Iterable[str]) -> bool:
        """Whether the job is through and can be compared: complete, with a finite value of each metric."""
        return self.state == COMPLETE and all(map(math.isfinite, self.values(metrics)))


@dataclass(frozen=True)
class Objective:
    """What a sweep looks for. A search may have several."""

    metric: str
    mode: str
    """``min`` or ``max``."""

    def badness(self, value: float) -> float:
        """Return a number that is smaller where `value` is better."""
        return value if self.mode == "min" else -value


def is_repeat(key: str) -> bool:
    """Whether an override's key says which repeat of its configuration a run is."""
    return key.lstrip("+") in REPEATS


def override_of(key: str, value: str) -> str:
    """Return an override as it stands on a command line; one that deletes a key needs no value."""
    return key if key.startswith("~") and not value else f"{key}={value}"


def overlap(one: str, other: str) -> bool:
    """Whether two overrides' keys are the same, or one sets a part of what the other sets: their order counts."""
    first, second = (f"{key.lstrip('+~')}." for key in (one, other))
    return first.startswith(second) or second.startswith(first)


def override_keys(jobs: Sequence[Job]) -> list[str]:
    """Return the keys of all jobs' overrides, in the order in which they are met."""
    return list(dict.fromkeys(key for job in jobs for key in job.overrides))


def varying(jobs: Sequence[Job]) -> list[str]:
    """Return the override keys that differ between jobs; not to have a key is a difference as well."""
    return [key for key in override_keys(jobs) if len({job.overrides.get(key) for job in jobs}) > 1]
