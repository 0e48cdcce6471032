"""One job of a grid, or one trial of a search, and what the sweep is for."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Job:
    """One job of a grid, or one trial of a search, as its folder and its study describe it."""

    number: int
    overrides: dict[str, str]
    state: str
    metrics: dict[str, float] = field(default_factory=dict)
    epochs: int | None = None
    best_epoch: int | None = None
    seconds: float | None = None
    folder: str = ""
    error: str | None = None


@dataclass(frozen=True)
class Objective:
    """A metric of the best epoch, and whether it is to be small or large."""

    metric: str
    mode: str
