"""Whether what a model is sure of to 80 % is right in 80 of 100 rows."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from trainhouse.figures.intervals import wilson
from trainhouse.figures.measured import Measured
from trainhouse.figures.style import BLUE, GREY, PALE, entitle, in_style, label, new_figure

_BINS = 15


def expected_error(said: np.ndarray, is_right: np.ndarray) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Return the expected calibration error of probabilities (n,), and of each bin rows, right ones, sum of said.

    The bins are 15 of equal width; the error is the mean distance of share and probability over rows.
    """
    place = np.clip((said * _BINS).astype(np.int64), 0, _BINS - 1)
    rows = np.bincount(place, minlength=_BINS)
    right = np.bincount(place, weights=is_right, minlength=_BINS)
    total = np.bincount(place, weights=said, minlength=_BINS)
    return float(np.abs(right - total).sum() / max(1, len(said))), rows, right, total


@in_style
def calibration(measured: Measured) -> Figure | None:
    """Draw how often a model is right over how sure it is; of two classes, how often it is the second one."""
    spec, predictions, targets = measured.spec, measured.predictions, measured.targets
    if spec.outputs < 2:
        return None
    if spec.outputs == 2:
        said, is_right = predictions[:, 1], targets == 1
        name = label(spec.classes[1])
        words = f"probability of class {name}", f"share of class {name}"
    else:
        said, is_right = predictions.max(axis=1), predictions.argmax(axis=1) == targets
        words = "probability of the predicted class", "share of right predictions"
    finite = np.isfinite(said)
    error, rows, right, total = expected_error(said[finite].astype(np.float64), is_right[finite])
    there = rows > 0
    x, share = total[there] / rows[there], right[there] / rows[there]
    low, high = wilson(right[there], rows[there])
    figure = new_figure(6.4, 6.4)
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="perfect")
    axes.errorbar(
        x, share, (share - low, high - share), color=BLUE, marker="o", capsize=2, linewidth=1.2, label="model"
    )
    axes.set(ylabel=words[1], xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.legend(loc="upper left")
    centres = (np.arange(_BINS) + 0.5) / _BINS
    bars = below.bar(centres, rows, width=0.9 / _BINS, color=PALE)
    below.bar_label(bars, labels=[f"{count:,}" if count else "" for count in rows], fontsize=6.5, padding=1)
    if rows.max() > 50 * max(1, rows[there].min()):
        below.set_yscale("log")
        below.yaxis.set_minor_locator(NullLocator())
    below.margins(y=0.25)
    below.set(xlabel=words[0], ylabel="rows")
    for one in (axes, below):
        one.grid(visible=True)
    caption = (
        f"{measured.n}. ECE, the expected calibration error: the mean distance of rows from the dotted line, over "
        f"{_BINS} bins of equal width. Vertical lines: 95 % Wilson intervals."
    )
    entitle(figure, f"Calibration: ECE {error:.3f}", measured.about, caption)
    return figure
