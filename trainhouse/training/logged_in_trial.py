"""What a try of a batch has logged: the names that may be monitored."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from trainhouse.configuration.errors import did_you_mean


@dataclass
class Logged:
    """What a try of a batch has logged."""

    names: list[str] = field(default_factory=list)
    directions: dict[str, str] = field(default_factory=dict)
    """``min`` or ``max``, of metric objects that say which end is better."""
    first_batches: list[str | None] = field(default_factory=list)
    """Digests of the first training batch, one for each loader of a user's DataModule."""
    twice: set[str] = field(default_factory=set)
    """What training and validation log under one name."""
    of_validation: set[str] = field(default_factory=set)
    """What validation logs."""
    without_gradient: list[str] = field(default_factory=list)
    """The parameters that a backward pass has missed."""
    is_complete: bool = False
    """Whether it got to the end, so that what is not among `names` is not logged."""


def hint_of(name: str, logged: Sequence[str]) -> str:
    """Return the nearest of the names that are logged, and all of them."""
    return f"{did_you_mean(name, logged)} (there are: {', '.join(logged)})"
