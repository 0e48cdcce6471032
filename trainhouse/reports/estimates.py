"""What was measured over repeats, runs that differ in seed, split or fold alone: the mean, and how sure it is."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from trainhouse.machine.numbers import format_number
from trainhouse.reports.aligned_table import aligned


@dataclass(frozen=True)
class Estimate:
    """A metric over repeats. Of one there is no spread: `std` and `ci95` are None; of none the mean is NaN."""

    mean: float
    std: float | None
    """Sample standard deviation."""
    ci95: tuple[float, float] | None
    """95 % confidence interval of the mean, by Student's t: it takes the repeats to be independent."""

    @classmethod
    def of(cls, values: Sequence[float]) -> "Estimate":
        """Return the estimate from finite values."""
        if len(values) < 2:
            return cls(values[0] if values else math.nan, None, None)
        mean, std = statistics.fmean(values), statistics.stdev(values)
        half = student_t(len(values) - 1) * std / math.sqrt(len(values))
        return cls(mean, std, (mean - half, mean + half))


@cache
def student_t(freedom: int) -> float:
    """Return the t that holds 95 % of Student's distribution with `freedom` >= 1 degrees between -t and t.

    With t = sqrt(freedom) tan(angle), the angle's density is a power of its cosine: 100,000 trapezoids below it give t
    to nine digits. scipy has it ready made, but nothing else here needs its 110 MB and 0.2 s of import.
    """
    import numpy as np  # when a sweep begins it isn't there yet

    angles = np.linspace(0, np.pi / 2, 100_001)
    density = np.cos(angles) ** (freedom - 1)
    within = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    return math.sqrt(freedom) * math.tan(np.interp(0.95 * within[-1], within, angles))


def numbers(values: Sequence[float]) -> list[str]:
    """Return values below one another; nothing where there is none."""
    return aligned(["" if math.isnan(value) else format_number(value) for value in values])


def spreads(estimates: Sequence[Estimate]) -> list[str]:
    """Return ``0.1010 ± 0.0042`` for each, its parts below one another."""
    ends = aligned(["" if one.std is None else f" ± {format_number(one.std)}" for one in estimates])
    means = numbers([one.mean for one in estimates])
    return ["".join(parts).rstrip() for parts in zip(means, ends, strict=True)]


def intervals(estimates: Sequence[Estimate]) -> list[str]:
    """Return ``[0.0906, 0.1114]``, the 95 % confidence interval, for each that has one."""
    return ["" if one.ci95 is None else "[{}, {}]".format(*map(format_number, one.ci95)) for one in estimates]
