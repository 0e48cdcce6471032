"""What a file says of its rows beside features and labels: split, group and time, and what they weigh.

None of it is a feature. Groups and times decide which rows train; weights count in the loss and the metrics.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from trainhouse.configuration.errors import UserError

Ids = Callable[[np.ndarray], dict[str, Any]]
"""Maps row numbers (K,) to columns of strings (K,), read only when they are asked for."""
TRAIN, VAL, TEST = range(3)
WORDS = {
    **dict.fromkeys(("train", "training", "fit"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "dev"), VAL),
    **dict.fromkeys(("test", "testing", "holdout"), TEST),
}
TEST_ONLY = {
    **dict.fromkeys(("false", "no", "0", "f", "n"), TRAIN),
    **dict.fromkeys(("true", "yes", "1", "t", "y"), TEST),
}
_EXPECTED = "expected train, val and test, or true and false for test"


@dataclass(frozen=True)
class Beside:
    """Of N rows, in the order of their file; None where the file is not asked for it."""

    splits: np.ndarray | None = None
    """(N,) `TRAIN`, `VAL` or `TEST`."""
    groups: np.ndarray | None = None
    """(N,) int64; rows of one number belong together."""
    times: np.ndarray | None = None
    """(N,) numbers, the later the larger."""
    weights: np.ndarray | None = None
    """(N,) float64, from 0 up."""
    ids: Ids | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    """What of the configuration asked for each, for messages: ``{"groups": "data.group_column"}``."""

    def arrays(self) -> list[np.ndarray]:
        """Return what decides how a model is trained and measured; identifiers don't."""
        return [one for one in (self.splits, self.groups, self.times, self.weights) if one is not None]

    def key(self, name: str) -> str:
        """Return the key that asked for one of them."""
        return self.keys.get(name, f"data.{name}")

    def of_rows(self, numbers: np.ndarray) -> "Beside":
        """Return what decides where rows go, of those numbered (K,)."""
        found = {name: getattr(self, name) for name in ("splits", "groups", "times")}
        taken = {name: None if one is None else one[numbers] for name, one in found.items()}
        return Beside(**taken, keys=self.keys)

    def scaled(self, mean: float) -> "Beside":
        """Return it with weights of which `mean` has become 1."""
        return self if self.weights is None else replace(self, weights=self.weights / mean)


def splits_from(cells: Sequence[Any], source: str) -> np.ndarray:
    """Map the words of a column (N,) to `TRAIN`, `VAL` and `TEST`. Raises `UserError` that names the first odd one."""
    words = [str(cell).strip().lower() for cell in cells]
    known = WORDS if any(word in WORDS for word in words) else TEST_ONLY
    for row, word in enumerate(words):
        if word not in known:
            what = f"is '{cells[row]:.40}'" if word else "is empty"
            raise UserError(f"{source}: row {row} {what}; {_EXPECTED}")
    return np.array([known[word] for word in words], np.int8)


def checked_weights(weights: np.ndarray, source: str) -> np.ndarray:
    """Return weights (N,) as float64. Raises `UserError` for a missing, negative or infinite one, or if all are 0."""
    values = np.asarray(weights, np.float64)
    for which, what in (
        (np.isnan(values), "has none"),
        (values < 0, "has a negative one"),
        (np.isinf(values), "has an infinite one"),
    ):
        if which.any():
            raise UserError(f"{source}: row {int(np.flatnonzero(which)[0])} {what}; expected a number from 0 up")
    if not values.any():
        raise UserError(f"{source}: every row weighs 0; expected a number above 0")
    return values


def refuse_shared_groups(one: Beside, other: Beside, names: tuple[str, str]) -> None:
    """Raise `UserError` if a group has rows in both of two files, of which one trains and the other measures."""
    if one.groups is None or other.groups is None:
        return
    shared = np.intersect1d(one.groups, other.groups)
    if len(shared):
        rows = (int(np.flatnonzero(each.groups == shared[0])[0]) for each in (one, other))
        places = " and ".join(f"row {row} of {name}" for row, name in zip(rows, names, strict=True))
        raise UserError(
            f"{one.key('groups')}: {len(shared)} group{'s are' if len(shared) > 1 else ' is'} in both files "
            f"({places}), so what is measured is not new to the model; leave them out of one"
        )
