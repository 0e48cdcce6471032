"""Figures of a sweep, drawn without a display: each function returns a matplotlib figure, or None if it'd be empty.

Not those of optuna.visualization, which were tried on a search: the history left out what was pruned or failed, bars
cut names of keys at the border, its curves marked neither the best nor the pruned. It knows no repeats, nor a grid.
"""

import math
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from trainhouse.figures.about import About
from trainhouse.figures.style import entitle, new_figure, panel, save, styled
from trainhouse.reports.short_text import short_names
from trainhouse.sweeps.importance import MEANINGFUL, best_of, importances
from trainhouse.sweeps.job import FAIL, PRUNED, Job, Objective, is_repeat, varying
from trainhouse.sweeps.learning_curves import learning_curves
from trainhouse.sweeps.parallel_coordinates import parallel_coordinates
from trainhouse.sweeps.repeats import configurations, pareto
from trainhouse.sweeps.repeats_figure import repeats
from trainhouse.sweeps.style import (
    BEST_COLOUR,
    BLUE,
    FAILED_COLOUR,
    PRUNED_COLOUR,
    better,
    beyond_note,
    counted,
    label,
    legend,
    window,
    wrapped,
)


def write_figures(
    folder: Path, jobs: Sequence[Job], objectives: Sequence[Objective], logarithmic: Collection[str] = ()
) -> list[Path]:
    """Draw what there is to see of a sweep into `folder`/figures; return the pictures' paths.

    Those with one value per trial show the first objective. A picture of an earlier call that would be
    empty now is removed. The keys `logarithmic` were drawn so.
    """
    first = objectives[0]
    keys = [key for key in varying(jobs) if not is_repeat(key)]  # the luck of a seed is no setting
    about = about_sweep(folder, jobs)
    figures: dict[str, Callable[[], Figure | None]] = {
        "history": lambda: history(jobs, first, about),
        "parallel_coordinates": lambda: parallel_coordinates(jobs, keys, first, about, logarithmic),
        "importance": lambda: importance(jobs, keys, first, about),
        "repeats": lambda: repeats(jobs, objectives, about),
        "learning_curves": lambda: learning_curves(folder, jobs, first, about),
        "pareto": lambda: pareto_front(jobs, objectives, about),
    }
    written = []
    for name, draw in figures.items():
        path = folder / "figures" / f"{name}.png"
        with styled():
            figure = draw()
        if figure is None:
            path.unlink(missing_ok=True)
        else:
            save(figure, path)
            written.append(path)
    return written


def about_sweep(folder: Path, jobs: Sequence[Job]) -> About:
    """Name a sweep and its data, as ``titanic/sweep_2026-11-23_11-41-43`` and ``titanic.csv``."""
    names = sorted({job.source for job in jobs if job.source})
    data = f"{len(names)} data sets" if len(names) > 2 else " and ".join(names)
    folder = folder.resolve()
    name = f"{folder.parent.name}/{folder.name}" if folder.name.startswith("sweep_") else folder.name
    return About(name, data)


def history(jobs: Sequence[Job], objective: Objective, about: About | None = None) -> Figure | None:
    """Draw the value of each trial over its number, and the best so far."""
    done = sorted((job for job in jobs if job.counts([objective.metric])), key=lambda job: job.number)
    if not done:
        return None
    figure, axes = panel(7.5)
    values = [job.value(objective.metric) for job in done]
    pruned = [job for job in jobs if job.state == PRUNED]
    seen = [job for job in pruned if math.isfinite(job.value(objective.metric))]
    shown = window(objective, values, [job.value(objective.metric) for job in seen])
    shown.apply(axes)
    small = 4 if len(jobs) > 60 else 6
    for name, drawn, marker, colour in (("complete", done, "o", BLUE), ("pruned", seen, "x", "#666666")):
        inside = [job for job in drawn if not shown.beyond([job.value(objective.metric)])]
        x, y = [job.number for job in inside], [job.value(objective.metric) for job in inside]
        axes.plot(x, y, marker, color=colour, markersize=small, label=name if inside else "_")
        if beyond := [job for job in drawn if job not in inside]:
            note = beyond_note(objective, [job.value(objective.metric) for job in beyond], name)
            at, arrow = (1.0, "^") if objective.mode == "min" else (0.0, "v")
            places = [job.number for job in beyond]
            marks = axes.plot(places, [at] * len(places), arrow, transform=axes.get_xaxis_transform(), clip_on=False)
            marks[0].set(color=colour, markersize=small + 2, label=note, markerfacecolor="white", zorder=5)
    best = (np.minimum if objective.mode == "min" else np.maximum).accumulate(values)
    last = max(job.number for job in jobs)
    numbers = [job.number for job in done]
    name = "best so far" if len(jobs) > 1 else "_"
    axes.step([*numbers, last], [*best, best[-1]], where="post", color=BEST_COLOUR, label=name, zorder=1)
    for name, marker, colour, edged in (
        ("pruned, no value", "x", "#666666", [job for job in pruned if job not in seen]),
        ("failed, no value", "X", FAILED_COLOUR, [job for job in jobs if job.state == FAIL]),
    ):
        x = [job.number for job in edged]  # on the lower edge
        marks = axes.plot(x, [0.0] * len(x), marker, transform=axes.get_xaxis_transform(), clip_on=False)
        marks[0].set(color=colour, markersize=small, label=name if edged else "_", in_layout=False, zorder=5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(jobs) < 10:
        axes.set_xlim(-0.5, last + 0.5)
    axes.set(xlabel="trial", ylabel=f"{label(objective.metric, 40)} ({better(objective)})")
    entitle(figure, f"{label(objective.metric, 40)} of {counted(jobs)}", about)
    legend(figure, axes, columns=3)
    return figure


def importance(
    jobs: Sequence[Job], keys: Sequence[str], objective: Objective, about: About | None = None
) -> Figure | None:
    """Draw how much each override has to do with a trial being among the best."""
    done = [job for job in jobs if job.counts([objective.metric])]
    shares = importances(done, keys, objective)
    if not shares:
        return None
    names = short_names(keys)
    top = sorted(shares.items(), key=lambda item: item[1])[-20:]
    few = len(done) < MEANINGFUL
    figure = new_figure(7.5, 2.1 + 0.34 * len(top))
    axes = figure.subplots()
    colour = "#A6A6A6" if few else BLUE
    bars = axes.barh([wrapped(names[key], 30) for key, _ in top], [share for _, share in top], color=colour)
    axes.bar_label(bars, labels=[f"{share:.0%}" for _, share in top], padding=3, fontsize=9)
    axes.set(xlim=(0, 1.12 * top[-1][1]), xlabel="share of the importance")
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    text = (
        f"What the trials with the best {label(objective.metric, 40)} have in common (n = {len(done)} complete trials)"
    )
    best, so_few = best_of(len(done)), f": with {len(done)} it may be chance." if few else ""
    caption = (
        f"PED-ANOVA: how unlike the values of the best {best} trials are to those of all {len(done)}; "
        f"it doesn't say which value is good. Not meaningful below {MEANINGFUL} complete trials{so_few or '.'}"
    )
    entitle(figure, text, about, caption)
    return figure


def pareto_front(jobs: Sequence[Job], objectives: Sequence[Objective], about: About | None = None) -> Figure | None:
    """Draw the configurations over the first two objectives, and the line of those that no other one beats."""
    if len(objectives) < 2:
        return None
    first, second = objectives[:2]
    ranked = configurations(jobs, (first, second))
    if not ranked:
        return None
    front = pareto(ranked, (first, second))
    beaten = [one for one in ranked if one not in front]
    figure, axes = panel(7.0, 5.0)
    x, y = ([one.estimates[index].mean for one in ranked] for index in (0, 1))
    name = "beaten by another in both" if beaten else "_"
    points = [[one.estimates[index].mean for one in beaten] for index in (0, 1)]
    axes.plot(points[0], points[1], "o", markersize=4, color=PRUNED_COLOUR, label=name)
    corner = [(one.estimates[0].mean, one.estimates[1].mean) for one in front]  # the best of the first comes first
    edge_x, edge_y = [point[0] for point in corner], [point[1] for point in corner]
    axes.step(edge_x, edge_y, where="post", color=BLUE, linewidth=1, zorder=2)
    numbered = len(front) <= 15
    name = "Pareto front: no other is better in one without being worse in the other"
    name += "\n(numbers are trials)" if numbered else ""
    axes.plot(edge_x, edge_y, "o", markersize=6, color=BLUE, label=name, zorder=3)
    if numbered:
        for one, point in zip(front, corner, strict=True):
            text = str(one.jobs[0].number)
            axes.annotate(text, point, (4, 4), textcoords="offset points", fontsize=8, zorder=4)
    axis_x, axis_y = window(first, x, needed=edge_x), window(second, y, needed=edge_y)
    axis_x.apply(axes, "x")
    axis_y.apply(axes)
    if away := sum(bool(axis_x.beyond([a]) or axis_y.beyond([b])) for a, b in zip(x, y, strict=True)):
        axes.plot([], [], "^", color=PRUNED_COLOUR, markerfacecolor="white", label=f"{away} beyond the axes")
    for objective, name in ((first, "xlabel"), (second, "ylabel")):
        axes.set(**{name: f"{label(objective.metric, 40)} ({better(objective)})"})
    entitle(figure, f"{label(first.metric, 30)} against {label(second.metric, 30)} of {counted(jobs)}", about)
    legend(figure, axes)
    return figure
