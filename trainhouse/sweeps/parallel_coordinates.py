"""One line per job through its overrides to its value: which values the good jobs share.

Not optuna's own: it cut names of keys at the border, put choices in the order of 16, 256, 64, drew a grid's lines
on top of one another, and all but the best too pale to follow.
"""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from trainhouse.figures.about import About
from trainhouse.figures.style import entitle, new_figure
from trainhouse.machine.numbers import format_number, number
from trainhouse.reports.short_text import short_names
from trainhouse.sweeps.job import PRUNED, Job, Objective
from trainhouse.sweeps.style import (
    BEST_COLOUR,
    PRUNED_COLOUR,
    Window,
    better,
    colour_bar,
    counted,
    is_spread_over_powers,
    label,
    shades,
    window,
    wrapped,
)

_NOT_SET = ("unset", "null")
_FEW = 6  # values that each get a tick
_APART = 0.05  # of the axis: ticks nearer to each other are unreadable
_IN_ROW = 7  # keys: with more of them they stand in several rows


@dataclass(frozen=True)
class _Axis:
    name: str
    positions: list[float]  # of each job, 0 to 1; NaN where the job has none
    ticks: list[tuple[float, str]]


def parallel_coordinates(
    jobs: Sequence[Job],
    keys: Sequence[str],
    objective: Objective,
    about: About | None = None,
    logarithmic: Collection[str] = (),
) -> Figure | None:
    """Draw the trials that can be compared and the pruned ones over the overrides `keys` and the objective.

    Those of the keys that are `logarithmic` have such an axis, as others whose values lie so. None where there is no
    key or nothing to compare.
    """
    shown = [job for job in jobs if job.counts([objective.metric]) or job.state == PRUNED]
    # The best are drawn last, and lie on top.
    shown.sort(key=lambda job: (job.state != PRUNED, -objective.badness(job.value(objective.metric))))
    done = [job for job in shown if job.state != PRUNED]
    if not keys or len(done) < 2:
        return None
    names = short_names(keys)
    axes = [
        _axis(wrapped(names[key], 17), [job.overrides.get(key) for job in shown], key in logarithmic) for key in keys
    ]
    end = _objective_axis(shown, objective)
    count = math.ceil(len(axes) / _IN_ROW)
    size = math.ceil(len(axes) / count)
    rows = [[*axes[start : start + size], end] for start in range(0, len(axes), size)]

    figure = new_figure(3.4 + 1.75 * size, 1.2 + 4.1 * count)
    panels = figure.subplots(count, 1, squeeze=False)[:, 0]
    values = [job.value(objective.metric) for job in done]
    colours = shades([objective.badness(value) for value in values])
    for panel, row in zip(panels, rows, strict=True):
        _draw(panel, row, colours, len(shown) - len(done), size)
    entitle(figure, f"{label(objective.metric, 40)} of {counted(jobs)} by what was tried", about)
    if len(set(values)) > 1:
        colour_bar(figure, panels, objective, values)
    best = f"best: trial {done[-1].number}, {label(objective.metric, 40)} {format_number(values[-1])}"
    lines = [Line2D([], [], color=BEST_COLOUR, linewidth=3.0, label=f"{best} ({better(objective)})")]
    if len(done) < len(shown):
        lines.append(Line2D([], [], color=PRUNED_COLOUR, linewidth=0.8, label=f"{len(shown) - len(done)} pruned"))
    figure.legend(handles=lines, loc="outside lower left", ncols=2, fontsize=8, frameon=False)
    return figure


def _draw(panel: Axes, axes: Sequence[_Axis], colours: np.ndarray, pruned: int, size: int) -> None:
    """Draw a line for each job over `axes`; the first are `pruned`, the last is the best."""
    heights = np.array([axis.positions for axis in axes])  # (axes, jobs)
    lines = [np.column_stack([np.arange(len(axes)), column]) for column in heights.T]
    grey = [line[~np.isnan(line[:, 1])] for line in lines[:pruned]]
    panel.add_collection(LineCollection(grey, colors=PRUNED_COLOUR, linewidths=0.6))
    alpha = max(0.3, min(1.0, 40 / len(colours)))
    panel.add_collection(LineCollection(lines[pruned:-1], colors=colours[:-1], linewidths=1.3, alpha=alpha))
    panel.add_collection(LineCollection(lines[-1:], colors=BEST_COLOUR, linewidths=3.0, zorder=3))
    for x, axis in enumerate(axes):
        panel.plot([x, x], [-0.04, 1.04], color="black", linewidth=0.8, zorder=4)
        panel.text(x, 1.07, axis.name, ha="center", va="bottom", fontsize=9, weight="bold", linespacing=1.0)
        for y, text in axis.ticks:
            box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.8}
            panel.plot([x - 0.015, x + 0.015], [y, y], color="black", linewidth=0.8, zorder=4)
            panel.text(x + 0.03, y, text, ha="left", va="center", fontsize=8, zorder=5, bbox=box)
    panel.set(xlim=(-0.4, size + 0.5), ylim=(-0.05, 1.22))
    panel.set_axis_off()


def _objective_axis(shown: Sequence[Job], objective: Objective) -> _Axis:
    """The last axis. Values far beyond all others stand at its bad end; a pruned job may have none: its line ends."""
    values = [job.value(objective.metric) for job in shown]
    measured = [value for job, value in zip(shown, values, strict=True) if job.state != PRUNED]
    whole = window(objective, measured, [value for value in values if math.isfinite(value)])
    known = [value for value in values if math.isfinite(value)]
    axis = _number_axis(
        wrapped(objective.metric, 17), [min(max(value, whole.low), whole.high) for value in known], whole
    )
    ticks = axis.ticks
    if beyond := whole.beyond(known):
        at, sign = (1.0, ">") if objective.mode == "min" else (0.0, "<")
        end = whole.high if objective.mode == "min" else whole.low
        text = f"{sign} {end:.3g} ({len(beyond)}, to {max(beyond, key=objective.badness):.3g})"
        ticks = [*((place, name) for place, name in ticks if abs(place - at) > _APART), (at, text)]
    places = iter(axis.positions)
    positions = [next(places) if math.isfinite(value) else math.nan for value in values]
    return replace(axis, positions=positions, ticks=ticks)


def _axis(name: str, values: Sequence[str | None], is_log: bool) -> _Axis:
    texts = [_NOT_SET[0] if value is None else value for value in values]
    missing = [text for text in _NOT_SET if text in texts]
    numbers = [math.nan if text in missing else number(text) for text in texts]
    known = [value for value in numbers if value is not None]
    if len(known) == len(values) and not all(map(math.isnan, known)):
        return _number_axis(name, known, missing=" or ".join(missing), is_log=is_log)
    order = sorted(set(texts), key=_natural)
    step = 1 / max(1, len(order) - 1)
    place = {text: index * step for index, text in enumerate(order)}
    every = math.ceil(len(order) / 15)
    ticks = [(place[text], label(text, 18)) for text in order[::every]]
    return _Axis(name, _spread([place[text] for text in texts], step), ticks)


def _natural(text: str) -> tuple[bool, list[tuple[bool, int, str]]]:
    """Sort [64] before [128], and what isn't set below everything."""
    parts = re.findall(r"\d+|\D+", text)
    return text not in _NOT_SET, [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def _number_axis(
    name: str, values: Sequence[float], whole: Window | None = None, missing: str = "", is_log: bool = False
) -> _Axis:
    """An axis of numbers, logarithmic if they `is_log` or lie so, or `whole` is; below it NaN: what is `missing`."""
    known = sorted({value for value in values if not math.isnan(value)})
    low, high = known[0], known[-1]
    start = 0.12 if any(map(math.isnan, values)) else 0.0
    whole = whole or Window(low, high, (is_log and low > 0) or is_spread_over_powers(known))
    log = whole.is_log

    def place(value: float) -> float:
        return start + (1 - start) * whole.share(value)

    if len(known) <= _FEW and all(place(b) - place(a) > _APART for a, b in pairwise(known)):
        marks = known
    else:
        between = _powers(low, high) if log else list(MaxNLocator(5).tick_values(low, high))
        inner = [m for m in between if low < m < high and _APART < place(m) - start < 1 - start - _APART]
        marks = [low, *inner[:: math.ceil(len(inner) / 10) or 1], high]
    ticks = [(place(mark), _tick(mark)) for mark in marks]
    if start:
        ticks.append((0.0, missing))
    positions = [0.0 if math.isnan(value) else place(value) for value in values]
    return _Axis(name, _spread(positions, 0.2) if len(known) <= _FEW < len(values) else positions, ticks)


def _powers(low: float, high: float) -> list[float]:
    """Return powers of ten from `low` to `high`, with twice and five times as much where there are few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [times * 10.0**power for power in powers for times in ((1, 2, 5) if len(powers) < 5 else (1,))]


def _tick(value: float) -> str:
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e6 else f"{value:.3g}"


def _spread(positions: Sequence[float], step: float) -> list[float]:
    """Move jobs at one place a little apart, the better ones up, so that each line can be followed."""
    width = min(0.06, 0.4 * step) * min(1.0, len(positions) / 10)
    return list(np.asarray(positions) + np.linspace(-width / 2, width / 2, len(positions)))
