"""The curves of all trials in one picture: which learn well, which were given up, and where."""

import csv
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from trainhouse.figures.about import About
from trainhouse.figures.style import entitle, panel
from trainhouse.machine.numbers import format_number, number
from trainhouse.reports.short_text import short_names, shown_value
from trainhouse.runs.layout import HISTORY
from trainhouse.sweeps.job import COMPLETE, Job, Objective, override_of, varying
from trainhouse.sweeps.style import (
    BEST_COLOUR,
    PRUNED_COLOUR,
    Window,
    better,
    beyond_note,
    colour_bar,
    counted,
    label,
    legend,
    shades,
    window,
)

_MOST_NAMED = 8  # curves in a legend
_IN_LINE = 105  # characters in a line of the legend


def learning_curves(
    folder: Path, jobs: Sequence[Job], objective: Objective, about: About | None = None
) -> Figure | None:
    """Draw the objective of every trial over its epochs, from the trials' own folders below `folder`.

    What is measured once, after training, has no curve: its validation counterpart is drawn.
    """
    metric = objective.metric if objective.metric.startswith(("train/", "val/")) else ""
    metric = metric or f"val/{objective.metric.rpartition('/')[2]}"
    curves = {job.number: points for job in jobs if job.folder and len(points := _curve(folder / job.folder, metric))}
    if not curves:
        return None
    done = [job for job in jobs if job.number in curves and job.counts([objective.metric])]
    done.sort(key=lambda job: -objective.badness(job.value(objective.metric)))
    rest = [job for job in jobs if job.number in curves and not job.counts([objective.metric])]
    curved = [*rest, *done]  # those that can't be compared lie below, and the best on top
    values = [job.value(objective.metric) for job in done]
    colours = [PRUNED_COLOUR] * len(rest) + list(shades([objective.badness(value) for value in values]))
    named = len(curved) <= _MOST_NAMED
    figure, axes = panel(8.5 if named else 9.5, 4.4 + 0.2 * min(len(curved), _MOST_NAMED))
    shown = _window(objective, curves, done, rest)
    shown.apply(axes)
    crowd = max(0.4, min(1.0, 50 / len(curved)))
    for order, (job, colour) in enumerate(zip(curved, colours, strict=True)):
        best = bool(done) and job is done[-1]
        x, y = curves[job.number].T
        axes.plot(
            x,
            y,
            color=BEST_COLOUR if best else colour,
            linewidth=3.0 if best else 1.3 if job in done else 0.9,
            linestyle="-" if job in done else (0, (4, 2)),
            alpha=1.0 if best else crowd if job in done else max(0.7, crowd),
            marker="o" if len(x) == 1 else "",  # a single point is no line
            markersize=4,
            zorder=2 + order / len(curved),
            label=_name(jobs, job, objective, named, best, order == 0),
        )
    _mark_beyond(axes, shown, objective, curves)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="epoch", ylabel=f"{label(metric, 40)} ({better(objective)})")
    entitle(figure, f"{label(metric, 40)} of {counted(jobs)} over epochs", about)
    if not named and len(set(values)) > 1:
        colour_bar(figure, axes, objective, values)
    legend(figure, axes)
    return figure


def _window(objective: Objective, curves: dict[int, np.ndarray], done: Sequence[Job], rest: Sequence[Job]) -> Window:
    """Return an axis that holds the whole curves of the better half, and the ends of those not far behind."""
    every = [float(value) for points in curves.values() for value in points[:, 1]]
    if not done:
        return window(objective, every)
    half = done[-max(1, (len(done) + 1) // 2) :]
    ends = [_best_of(curves[job.number], objective) for job in done]
    return window(objective, ends, every, [float(value) for job in half for value in curves[job.number][:, 1]])


def _best_of(points: np.ndarray, objective: Objective) -> float:
    return float(points[:, 1].min() if objective.mode == "min" else points[:, 1].max())


def _mark_beyond(axes: Axes, shown: Window, objective: Objective, curves: dict[int, np.ndarray]) -> None:
    """Put an arrow where a curve is last beyond the axis, and say how many are."""
    leaving = [points[[bool(shown.beyond([value])) for value in points[:, 1]]] for points in curves.values()]
    leaving = [points for points in leaving if len(points)]
    if not leaving:
        return
    at, arrow = (1.0, "^") if objective.mode == "min" else (0.0, "v")
    worst = [max(points[:, 1].tolist(), key=objective.badness) for points in leaving]
    places = sorted({float(points[-1, 0]) for points in leaving})
    marks = axes.plot(places, [at] * len(places), arrow, transform=axes.get_xaxis_transform(), clip_on=False, zorder=5)
    marks[0].set(color="#444444", markerfacecolor="white", markersize=7)
    marks[0].set_label(beyond_note(objective, worst, "curves" if len(worst) > 1 else "curve"))


def _name(jobs: Sequence[Job], job: Job, objective: Objective, each: bool, best: bool, lowest: bool) -> str | None:
    """Return a legend's words for a curve: for all of a few curves, else for the best and the first of the grey."""
    grey = job.state != COMPLETE
    if not (each or best or (grey and lowest)):
        return None
    if grey and not each:
        return "pruned or not complete"
    keys = varying(jobs)
    names = short_names(keys)
    given = [override_of(names[key], shown_value(job.overrides[key], 30)) for key in keys if key in job.overrides]
    state = f"{job.state.lower()}, " if grey else "best, " if best else ""
    value = "" if grey else f" ({format_number(job.value(objective.metric))})"
    lines = textwrap.wrap(f"{state}trial {job.number}{value}: {' '.join(given)}".removesuffix(": "), _IN_LINE)
    return "\n".join(line.replace("$", r"\$") for line in lines[: 4 if best else 2])


def _curve(folder: Path, metric: str) -> np.ndarray:
    """Return the (N, 2) epochs and finite values of a trial's history; N is 0 where it has none."""
    points = []
    try:
        with open(folder / HISTORY, newline="", errors="replace") as file:
            for row in csv.DictReader(file):
                epoch, value = number(row.get("epoch") or ""), number(row.get(metric) or "")
                if epoch is not None and value is not None:
                    points.append((epoch, value))
    except (OSError, csv.Error):  # a trial that never began, or that wrote its last line in part
        pass
    return np.array(points).reshape(-1, 2)
