"""One line per job through its overrides to its value: which values the good jobs share.

Not optuna's own: it cut names of keys at the border, put choices in the order of 16, 256, 64, drew a grid's lines
on top of one another, and all but the best too pale to follow.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from trainhouse.reports.numbers import number
from trainhouse.reports.short_text import short_names
from trainhouse.sweeps.job import PRUNED, Job, Objective
from trainhouse.sweeps.style import BEST_COLOUR, PRUNED_COLOUR, is_wide, label, shades

_UNSET = "unset"
_FEW = 6  # values that each get a tick
_APART = 0.05  # of the axis: ticks nearer to each other are unreadable


@dataclass(frozen=True)
class _Axis:
    name: str
    positions: list[float]  # of each job, 0 to 1; NaN where the job has none
    ticks: list[tuple[float, str]]


def parallel_coordinates(jobs: Sequence[Job], keys: Sequence[str], objective: Objective) -> Figure | None:
    """Draw the jobs that can be compared and the pruned ones over the overrides `keys` and the objective.

    None where there is no key or nothing to compare.
    """
    shown = [job for job in jobs if job.counts([objective.metric]) or job.state == PRUNED]
    # The best are drawn last, and lie on top.
    shown.sort(key=lambda job: (job.state != PRUNED, -objective.badness(job.value(objective.metric))))
    done = [job for job in shown if job.state != PRUNED]
    if not keys or len(done) < 2:
        return None
    names = short_names(keys)
    axes = [_axis(label(names[key], 20), [job.overrides.get(key) for job in shown]) for key in keys]
    values = [job.value(objective.metric) for job in shown]
    end = _number_axis(label(objective.metric, 20), [value for value in values if math.isfinite(value)])
    places = iter(end.positions)  # a pruned job may have no value: its line ends before
    axes.append(replace(end, positions=[next(places) if math.isfinite(value) else math.nan for value in values]))

    figure = Figure(figsize=(min(28.0, 2 + 1.7 * len(keys)), 4.4), layout="constrained")
    panel = figure.subplots()
    heights = np.array([axis.positions for axis in axes])  # (axes, jobs)
    lines = [np.column_stack([np.arange(len(axes)), heights[:, job]]) for job in range(len(shown))]
    pruned = len(shown) - len(done)
    panel.add_collection(
        LineCollection([line[~np.isnan(line[:, 1])] for line in lines[:pruned]], colors=PRUNED_COLOUR, linewidths=0.5)
    )
    colours = shades([objective.badness(value) for value in values[pruned:]])
    alpha = max(0.45, min(1.0, 40 / len(done)))
    panel.add_collection(LineCollection(lines[pruned:-1], colors=colours[:-1], linewidths=1.3, alpha=alpha))
    panel.add_collection(LineCollection(lines[-1:], colors=BEST_COLOUR, linewidths=3.0, zorder=3))
    for x, axis in enumerate(axes):
        panel.plot([x, x], [-0.04, 1.04], color="black", linewidth=0.8, zorder=4)
        panel.text(x, 1.07, axis.name, ha="center", va="bottom", fontsize=9, weight="bold")
        for y, text in axis.ticks:
            box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8}
            panel.plot([x - 0.015, x + 0.015], [y, y], color="black", linewidth=0.8, zorder=4)
            panel.text(x + 0.03, y, text, ha="left", va="center", fontsize=8, zorder=5, bbox=box)
    panel.set(xlim=(-0.1, len(keys) + 0.45), ylim=(-0.05, 1.15))
    panel.set_axis_off()
    return figure


def _axis(name: str, values: Sequence[str | None]) -> _Axis:
    numbers = [math.nan if value is None else number(value) for value in values]
    known = [value for value in numbers if value is not None]
    if len(known) == len(values) and not all(map(math.isnan, known)):
        return _number_axis(name, known)
    texts = [_UNSET if value is None else value for value in values]
    order = sorted(set(texts), key=_natural)
    step = 1 / max(1, len(order) - 1)
    place = {text: index * step for index, text in enumerate(order)}
    every = math.ceil(len(order) / 15)
    ticks = [(place[text], label(text, 18)) for text in order[::every]]
    return _Axis(name, _spread([place[text] for text in texts], step), ticks)


def _natural(text: str) -> tuple[bool, list[tuple[bool, int, str]]]:
    """Sort [64] before [128], and what isn't set below everything."""
    parts = re.findall(r"\d+|\D+", text)
    return text != _UNSET, [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def _number_axis(name: str, values: Sequence[float]) -> _Axis:
    """An axis of numbers, logarithmic if they are wide apart; below it NaN, that is: not set."""
    known = sorted({value for value in values if not math.isnan(value)})
    low, high = known[0], known[-1]
    start = 0.12 if any(map(math.isnan, values)) else 0.0
    log = is_wide(known)

    def place(value: float) -> float:
        if low == high:
            share = 0.5
        elif log:
            share = (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
        else:
            share = (value - low) / (high - low)
        return start + (1 - start) * share

    if len(known) <= _FEW and all(place(b) - place(a) > _APART for a, b in pairwise(known)):
        marks = known
    else:
        between = [10.0**power for power in range(-300, 300)] if log else list(MaxNLocator(5).tick_values(low, high))
        inner = [m for m in between if low < m < high and _APART < place(m) - start < 1 - start - _APART]
        marks = [low, *inner[:: math.ceil(len(inner) / 10) or 1], high]
    ticks = [(place(mark), _tick(mark)) for mark in marks]
    if start:
        ticks.append((0.0, _UNSET))
    positions = [0.0 if math.isnan(value) else place(value) for value in values]
    return _Axis(name, _spread(positions, 0.2) if len(known) <= _FEW < len(values) else positions, ticks)


def _tick(value: float) -> str:
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e6 else f"{value:.3g}"


def _spread(positions: Sequence[float], step: float) -> list[float]:
    """Move jobs at one place a little apart, the better ones up, so that each line can be followed."""
    width = min(0.06, 0.4 * step) * min(1.0, len(positions) / 10)
    return list(np.asarray(positions) + np.linspace(-width / 2, width / 2, len(positions)))
