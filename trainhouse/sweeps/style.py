"""What the pictures of a sweep share: colours, axes that no outlier flattens, labels that fit."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from trainhouse.figures.style import BLUE as BLUE
from trainhouse.figures.style import ORANGE, PALE, VERMILION, is_wide
from trainhouse.figures.style import label as drawn_label
from trainhouse.machine.numbers import format_number
from trainhouse.reports.short_text import shown_value
from trainhouse.sweeps.job import Job, Objective

BEST_COLOUR, FAILED_COLOUR, PRUNED_COLOUR = ORANGE, VERMILION, PALE
# The end of viridis is too pale for white paper.
MAP = LinearSegmentedColormap.from_list("sweep", mpl.colormaps["viridis"](np.linspace(0, 0.92, 64)))
_WIDE_LOSS = 20  # times as large: worth a logarithmic axis
_TIMES = 1.5  # as large as the one before: values of a grid that lie evenly on a logarithmic axis
_FEW = 5  # values, of which nobody knows how far apart they usually are
_BEYOND = 8  # times as far from the median as the best is: beyond the axis


def shades(badness: Sequence[float]) -> np.ndarray:
    """Return a colour (N, 4) for each value by its rank, the smallest darkest: one outlier must not pale the rest."""
    ranks = np.unique(np.asarray(badness, dtype=float), return_inverse=True)[1].reshape(-1)
    return np.asarray(MAP(ranks / max(1, ranks.max(initial=0))))


def colour_bar(figure: Figure, axes: "Axes | np.ndarray", objective: Objective, values: Sequence[float]) -> None:
    """Draw which of `shades` stands for which of `values`, and which end is the better one."""
    ranked = sorted(set(values), key=objective.badness)
    places = sorted({round(share * (len(ranked) - 1)) for share in (0, 0.25, 0.5, 0.75, 1)})
    bar = figure.colorbar(ScalarMappable(cmap=MAP), ax=axes, fraction=0.04, pad=0.02)
    bar.set_ticks([place / max(1, len(ranked) - 1) for place in places])
    bar.ax.set_yticklabels([format_number(ranked[place]) for place in places], fontsize=8)
    bar.ax.invert_yaxis()  # the best on top
    bar.set_label(f"{label(objective.metric, 40)}, colours by rank ({better(objective)})", fontsize=8)


def is_spread_over_powers(values: Sequence[float]) -> bool:
    """Whether an axis of these settings is to be logarithmic: they are wide, and lie so rather than evenly."""
    different = sorted(set(values))
    if len(different) > 2 and different[0] > 0:  # 16, 32, 64
        times = [b / a for a, b in pairwise(different)]
        if max(times) < 1.1 * min(times) and min(times) > _TIMES:
            return True
    if not is_wide(values):
        return False
    low, middle, high = different[0], different[(len(different) - 1) // 2], different[-1]
    in_powers = abs(math.log(middle / low) / math.log(high / low) - 0.5)
    return in_powers <= abs((middle - low) / (high - low) - 0.5)


@dataclass(frozen=True)
class Window:
    """The part of an axis that is shown; values beyond it stand at its edge."""

    low: float
    high: float
    is_log: bool

    def share(self, value: float) -> float:
        """Return where a value stands, from 0 at the lower end to 1 at the upper; at the edge if it is beyond."""
        value = min(max(value, self.low), self.high)
        if self.low == self.high:
            return 0.5
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def beyond(self, values: Sequence[float]) -> list[float]:
        """Return the finite values that are not inside."""
        return [value for value in values if math.isfinite(value) and not self.low <= value <= self.high]

    def apply(self, axes: Axes, which: str = "y") -> None:
        """Give an axis, `which` is ``x`` or ``y``, this range, with a margin."""
        axis = axes.yaxis if which == "y" else axes.xaxis
        if self.is_log:
            axes.set(**{f"{which}scale": "log"})
            decades = math.log10(self.high / self.low)
            axis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 3 else (1,)))
            axis.set_minor_formatter(NullFormatter())
            if self.high < 1e5 and self.low > 1e-5:
                axis.set_major_formatter(lambda value, _: f"{value:g}")
            margin = (self.high / self.low) ** 0.06 if decades else 1.1
            axes.set(**{f"{which}lim": (self.low / margin, self.high * margin)})
        else:
            margin = 0.06 * (self.high - self.low) or 0.05 * abs(self.high) or 1.0
            axes.set(**{f"{which}lim": (self.low - margin, self.high + margin)})


def window(
    objective: Objective, measured: Sequence[float], others: Sequence[float] = (), needed: Sequence[float] = ()
) -> Window:
    """Return the axis for the finite values `measured`, of which bad ones far from all others are left beyond it.

    `others` are shown as far as they are inside, what is `needed` always is. The good end is never cut. At least one
    value is needed.
    """
    sign = 1.0 if objective.mode == "min" else -1.0
    inside = [value for value in (*measured, *needed) if math.isfinite(value)] or [*filter(math.isfinite, others)]
    every = [*inside, *filter(math.isfinite, others)]
    as_log = sign > 0 and min(every) > 0
    bad = np.array([math.log10(value) if as_log else sign * value for value in inside])
    # One of two or three may be the outlier: nothing between it and the others is taken for the middle.
    best, middle, upper = np.quantile(bad, [0, 0.5, 0.75], method="lower")
    few = len(bad) < _FEW
    least = (0.15 if few else 0.05) if as_log else (0.1 if few else 0.02) * abs(middle)
    apart = max(middle - best, (upper - best) / 4, least)
    limit = middle + _BEYOND * apart
    kept = [value for value in every if (math.log10(value) if as_log else sign * value) <= limit] + list(needed)
    return Window(min(kept), max(kept), sign > 0 and is_wide(kept, _WIDE_LOSS))


def beyond_note(objective: Objective, values: Sequence[float], what: str) -> str:
    """Say how many values are beyond the axis, and how far."""
    worst = max(values, key=objective.badness)
    way = "up" if objective.mode == "min" else "down"
    return f"{len(values)} {what} beyond the axis, {way} to {format_number(worst)}"


def better(objective: Objective) -> str:
    """Say which end of an objective is the better one."""
    return f"{'smaller' if objective.mode == 'min' else 'larger'} is better"


def label(text: str, width: int) -> str:
    """Return text that fits a label and is drawn as it is: matplotlib takes what stands between $ for a formula."""
    return drawn_label(shown_value(text, width), width)


def wrapped(text: str, width: int) -> str:
    """Return a long name on about two lines, broken after a point or an underscore where there is one."""
    text = shown_value(text, 2 * width)
    parts = textwrap.wrap(text.replace(".", ". ").replace("_", "_ "), width, break_long_words=True)
    return "\n".join(part.replace(". ", ".").replace("_ ", "_") for part in parts).replace("$", r"\$")


def counted(jobs: Sequence[Job]) -> str:
    """Return how many trials there are, and how many of them came to nothing: ``30 trials (7 pruned, 1 failed)``."""
    states = [job.state for job in jobs]
    named = (("PRUNED", "pruned"), ("FAIL", "failed"))
    ends = ", ".join(f"{count} {name}" for state, name in named if (count := states.count(state)))
    return f"{len(jobs)} trial{'' if len(jobs) == 1 else 's'}{f' ({ends})' if ends else ''}"


def legend(figure: Figure, axes: Axes, columns: int = 1) -> None:
    """Write the legend below the panel, where it hides nothing."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower left", fontsize=8, ncols=columns, frameon=False)
