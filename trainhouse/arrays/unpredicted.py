"""Classes that a model never predicts, though there are rows of them: accuracy alone hides it where they are rare."""

from collections.abc import Sequence

import numpy as np

_MOST = 3  # names
_RARE = 0.5  # of the rows of the most frequent class


def unpredicted_line(targets: np.ndarray, predicted: np.ndarray, classes: Sequence[str], split: str) -> str | None:
    """Return a line on the classes of a split that are never predicted; None if there are none.

    `targets` and `predicted` are the rows of each class, (C,).
    """
    never = np.flatnonzero((targets > 0) & (predicted == 0)).tolist()
    if not never:
        return None
    never.sort(key=lambda place: -targets[place])
    named = [f"{classes[place]} ({targets[place]} of {targets.sum()} rows)" for place in never[:_MOST]]
    more = f" and {len(never) - _MOST} more" if len(never) > _MOST else ""
    what, them = ("class", "it") if len(never) == 1 else ("classes", "them")
    said = f"{what} {', '.join(named)}{more}: never predicted in {split}"
    if targets[never].max() > _RARE * targets.max():
        return said
    return f"{said}; loss.class_weight=balanced makes {them} count as much as the others"
