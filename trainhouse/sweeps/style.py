"""What the pictures of a sweep share: colours, the choice of a scale, and labels that fit."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np

from trainhouse.reports.short_text import shown_value

PRUNED_COLOUR, FAILED_COLOUR, BEST_COLOUR = "#b8b8b8", "tab:red", "tab:orange"


def shades(badness: Sequence[float]) -> np.ndarray:
    """Return a colour (N, 4) for each value by its rank, the smallest darkest: one outlier must not pale the rest."""
    ranks = np.unique(np.asarray(badness, dtype=float), return_inverse=True)[1].reshape(-1)
    # The end of the map is too pale for white paper.
    return np.asarray(mpl.colormaps["viridis"](0.92 * ranks / max(1, ranks.max(initial=0))))


def is_wide(values: Sequence[float]) -> bool:
    """Whether values want a logarithmic scale: all of them positive, the largest at least 100 times the smallest."""
    return len(values) > 0 and min(values) > 0 and max(values) >= 100 * min(values)


def label(text: str, width: int) -> str:
    """Return text that fits a label and is drawn as it is: matplotlib takes what stands between $ for a formula."""
    return shown_value(text, width).replace("$", r"\$")
