"""Figures of a sweep, drawn without a display: each function returns a matplotlib figure, or None if it'd be empty.

Not those of optuna.visualization, which were tried on a search: the history left out what was pruned or failed, bars
cut names of keys at the border, its curves marked neither the best nor the pruned. It knows no repeats, nor a grid.
"""

import csv
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from trainhouse.reports.numbers import number
from trainhouse.reports.run_figures import save
from trainhouse.reports.short_text import short_names, shown_value
from trainhouse.runs.layout import HISTORY
from trainhouse.sweeps.importance import importances
from trainhouse.sweeps.job import COMPLETE, FAIL, PRUNED, Job, Objective, is_repeat, override_of, varying
from trainhouse.sweeps.parallel_coordinates import parallel_coordinates
from trainhouse.sweeps.repeats import configurations, pareto
from trainhouse.sweeps.style import BEST_COLOUR, FAILED_COLOUR, PRUNED_COLOUR, is_wide, label, shades

_MOST_NAMED = 8  # curves in a legend


def write_figures(folder: Path, jobs: Sequence[Job], objectives: Sequence[Objective]) -> list[Path]:
    """Draw what there is to see of a sweep into `folder`/figures; return the pictures' paths.

    Those with one value per job show the first objective. A picture of an earlier call that would be
    empty now is removed.
    """
    first = objectives[0]
    differ = varying(jobs)
    # The luck of a seed is no setting; unless it is all that was tried.
    keys = [key for key in differ if not is_repeat(key)] or differ
    figures: dict[str, Callable[[], Figure | None]] = {
        "history": lambda: history(jobs, first),
        "parallel_coordinates": lambda: parallel_coordinates(jobs, keys, first),
        "importance": lambda: importance(jobs, keys, first),
        "learning_curves": lambda: learning_curves(folder, jobs, first),
        "pareto": lambda: pareto_front(jobs, objectives),
    }
    written = []
    for name, draw in figures.items():
        path = folder / "figures" / f"{name}.png"
        figure = draw()
        if figure is None:
            path.unlink(missing_ok=True)
        else:
            save(figure, path)
            written.append(path)
    return written


def history(jobs: Sequence[Job], objective: Objective) -> Figure | None:
    """Draw the value of each job over its number, and the best so far."""
    done = sorted((job for job in jobs if job.counts([objective.metric])), key=lambda job: job.number)
    if not done:
        return None
    figure, axes = _panel(7.5)
    numbers, values = [job.number for job in done], [job.value(objective.metric) for job in done]
    small = len(jobs) > 60
    axes.plot(
        numbers, values, linestyle="", marker="o", markersize=3 if small else 5, color="tab:blue", label="complete"
    )
    best = (np.minimum if objective.mode == "min" else np.maximum).accumulate(values)
    last = max(job.number for job in jobs)
    axes.step([*numbers, last], [*best, best[-1]], where="post", color=BEST_COLOUR, label="best so far", zorder=1)
    pruned = [job for job in jobs if job.state == PRUNED]
    seen = [job for job in pruned if math.isfinite(job.value(objective.metric))]
    unseen = [job for job in pruned if job not in seen]
    failed = [job for job in jobs if job.state == FAIL]
    edge = axes.get_xaxis_transform()  # jobs without a value stand on the lower edge
    for name, colour, crossed, at_edge in (
        ("pruned", "grey", seen, False),
        ("pruned, no value", "grey", unseen, True),
        ("failed", FAILED_COLOUR, failed, True),
    ):
        x = [job.number for job in crossed]
        if at_edge:
            marks = axes.plot(x, [0.0] * len(x), "x", color=colour, transform=edge, clip_on=False)
        else:
            marks = axes.plot(x, [job.value(objective.metric) for job in crossed], "x", color=colour)
        marks[0].set(markersize=4 if small else 6, label=name if crossed else "_", in_layout=not at_edge)
    _scale(axes, [*values, *(job.value(objective.metric) for job in seen)])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="job", ylabel=label(objective.metric, 40))
    _legend(axes)
    return figure


def importance(jobs: Sequence[Job], keys: Sequence[str], objective: Objective) -> Figure | None:
    """Draw how much each override has to do with a job being among the best."""
    shares = importances([job for job in jobs if job.counts([objective.metric])], keys, objective)
    if not shares:
        return None
    names = short_names(keys)
    top = sorted(shares.items(), key=lambda item: item[1])[-20:]
    figure = Figure(figsize=(6.5, 1.2 + 0.32 * len(top)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh([label(names[key], 30) for key, _ in top], [share for _, share in top], color="tab:blue")
    axes.bar_label(bars, labels=[f"{share:.0%}" for _, share in top], padding=3, fontsize=9)
    axes.set(xlim=(0, 1.12 * top[-1][1]), xlabel=f"share in a good {label(objective.metric, 40)} (PED-ANOVA)")
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.grid(axis="x", alpha=0.3)
    return figure


def learning_curves(folder: Path, jobs: Sequence[Job], objective: Objective) -> Figure | None:
    """Draw the objective of every job over its epochs, from the jobs' own folders below `folder`.

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
    # Those that can't be compared lie below, and the best on top.
    curved = [*rest, *done]
    colours = [PRUNED_COLOUR] * len(rest) + list(shades([objective.badness(j.value(objective.metric)) for j in done]))
    widths = [0.8] * len(rest) + [1.2] * len(done)
    if done:
        colours[-1], widths[-1] = BEST_COLOUR, 3.0
    figure, axes = _panel(7.5)
    crowd = max(0.5, min(1.0, 50 / len(curved)))
    for order, (job, colour, width) in enumerate(zip(curved, colours, widths, strict=True)):
        bold = width > 2
        x, y = curves[job.number].T
        axes.plot(
            x,
            y,
            color=colour,
            linewidth=width,
            alpha=1.0 if bold else crowd,
            marker="o" if len(x) == 1 else "",  # a single point is no line
            markersize=4,
            zorder=2 + order / len(curved),
            label=_curve_name(jobs, job, len(curved) <= _MOST_NAMED, bold, order == 0),
        )
    _scale(axes, np.concatenate([curves[job.number][:, 1] for job in curved]).tolist())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="epoch", ylabel=label(metric, 40))
    _legend(axes)
    return figure


def _curve_name(jobs: Sequence[Job], job: Job, each: bool, best: bool, lowest: bool) -> str | None:
    """Return a legend's words for a curve: for all of a few curves, else for the best and the first of the grey."""
    grey = job.state != COMPLETE
    if not (each or best or (grey and lowest)):
        return None
    if grey and not each:
        return "pruned or not complete"
    keys = varying(jobs)
    names = short_names(keys)
    given = [override_of(names[key], shown_value(job.overrides[key], 20)) for key in keys if key in job.overrides]
    state = "best: " if best else "" if not grey else f"{job.state.lower()}: "
    return label(f"{state}job {job.number}: {' '.join(given)}", 80)


def _curve(folder: Path, metric: str) -> np.ndarray:
    """Return the (N, 2) epochs and finite values of a job's history; N is 0 where it has none."""
    points = []
    try:
        with open(folder / HISTORY, newline="", errors="replace") as file:
            for row in csv.DictReader(file):
                epoch, value = number(row.get("epoch") or ""), number(row.get(metric) or "")
                if epoch is not None and value is not None:
                    points.append((epoch, value))
    except (OSError, csv.Error):  # a job that never began, or that wrote its last line in part
        pass
    return np.array(points).reshape(-1, 2)


def pareto_front(jobs: Sequence[Job], objectives: Sequence[Objective]) -> Figure | None:
    """Draw the configurations over the first two objectives, and the line of those that no other one beats."""
    if len(objectives) < 2:
        return None
    first, second = objectives[:2]
    ranked = configurations(jobs, (first, second))
    if not ranked:
        return None
    front = pareto(ranked, (first, second))
    figure, axes = _panel(6.5)
    x, y = ([one.estimates[index].mean for one in ranked] for index in (0, 1))
    axes.scatter(x, y, s=16, color=PRUNED_COLOUR, label="beaten by another")
    corner = [(one.estimates[0].mean, one.estimates[1].mean) for one in front]  # the best of the first comes first
    axes.step(*zip(*corner, strict=True), where="post", color=BEST_COLOUR, linewidth=1, zorder=2)
    axes.scatter(
        [point[0] for point in corner],
        [point[1] for point in corner],
        s=30,
        color=BEST_COLOUR,
        label="Pareto front",
        zorder=3,
    )
    if len(front) <= 15:
        for one, point in zip(front, corner, strict=True):
            text = str(one.jobs[0].number)
            axes.annotate(text, point, (4, 4), textcoords="offset points", fontsize=8, zorder=4)
    _scale(axes, y)
    if is_wide(x):
        axes.set_xscale("log")
    better = {"min": "smaller", "max": "larger"}
    axes.set(
        xlabel=f"{label(first.metric, 40)} ({better[first.mode]} is better)",
        ylabel=f"{label(second.metric, 40)} ({better[second.mode]} is better)",
    )
    _legend(axes)
    return figure


def _panel(width: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.grid(alpha=0.3)
    return figure, axes


def _scale(axes: Axes, values: Sequence[float]) -> None:
    if is_wide(values):
        axes.set_yscale("log")


def _legend(axes: Axes) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8)
