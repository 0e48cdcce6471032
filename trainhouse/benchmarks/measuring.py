"""What a row is, and how its repeats are taken: ours, yardstick, ours, yardstick, ... and then medians."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from trainhouse.benchmarks.lab import Lab

Ours = TypeVar("Ours")
Yardstick = TypeVar("Yardstick")


@dataclass(frozen=True)
class Samples:
    """The repeats of one row, in the order in which they were taken. `note` says what two numbers can't."""

    ours: list[float]
    yardstick: list[float]
    note: str = ""

    @property
    def beyond(self) -> float:
        """How much more ours is than the yardstick, by their medians."""
        return median(self.ours) - median(self.yardstick)

    def ratio(self, higher_is_better: bool) -> float:
        """Return the ratio of the medians, so that more is better for us."""
        return _ratio(median(self.ours), median(self.yardstick), higher_is_better)

    def ratio_range(self, higher_is_better: bool) -> tuple[float, float]:
        """Return the least and the greatest ratio of a repeat to the yardstick taken right after it."""
        pairs = zip(self.ours, self.yardstick, strict=True)
        ratios = [_ratio(ours, yardstick, higher_is_better) for ours, yardstick in pairs]
        return min(ratios), max(ratios)


def _ratio(ours: float, yardstick: float, higher_is_better: bool) -> float:
    return ours / yardstick if higher_is_better else yardstick / ours


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        ratio_of: completes "0.9 ...", as in "of the bare loop's speed".
        higher_is_better: whether more of `unit` is better: so for a rate, not for seconds.
    """

    name: str
    unit: str
    ratio_of: str
    higher_is_better: bool
    measure: Callable[[Lab], Samples]

    @property
    def what(self) -> str:
        """What is measured and what the yardstick is."""
        return " ".join((self.measure.__doc__ or "").split())


def row(unit: str, ratio_of: str, higher_is_better: bool = False) -> Callable[[Callable[[Lab], Samples]], Row]:
    """Make a function that measures into the row of its name; its docstring is what the row says of itself."""
    return lambda measure: Row(measure.__name__, unit, ratio_of, higher_is_better, measure)


def selected(rows: list[Row], prefixes: list[str]) -> list[Row]:
    """Return the rows whose names begin with one of the prefixes, all without any. Raises `ValueError` if none does."""
    for prefix in prefixes:
        if not any(row.name.startswith(prefix) for row in rows):
            raise ValueError(f"no row begins with '{prefix}' (there are: {', '.join(row.name for row in rows)})")
    return [row for row in rows if not prefixes or row.name.startswith(tuple(prefixes))]


def interleaved(
    repeats: int, ours: Callable[[], Ours], yardstick: Callable[[], Yardstick], warm_ups: int = 1
) -> tuple[list[Ours], list[Yardstick]]:
    """Call both by turns, so that whatever slows the machine down slows both; warm-ups are not returned."""
    taken = [(ours(), yardstick()) for _ in range(warm_ups + repeats)][warm_ups:]
    return [one for one, _ in taken], [other for _, other in taken]


def timed(repeats: int, ours: Callable[[], object], yardstick: Callable[[], object], warm_ups: int = 1) -> Samples:
    """Return the seconds that both take."""
    return Samples(*interleaved(repeats, lambda: seconds_of(ours), lambda: seconds_of(yardstick), warm_ups))


def seconds_of(action: Callable[[], object]) -> float:
    """Return the seconds that `action` takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started
