"""How much is luck: the trials that differ in their seed, split or fold alone, with mean and deviation."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trainhouse.figures.about import About
from trainhouse.figures.style import entitle, new_figure
from trainhouse.reports.estimates import Estimate, spreads
from trainhouse.reports.names import measure_of
from trainhouse.reports.short_text import short_names, shown_value
from trainhouse.sweeps.job import Job, Objective, is_repeat, override_of, varying
from trainhouse.sweeps.repeats import Configuration, configurations, measured, repeated_by
from trainhouse.sweeps.style import BEST_COLOUR, BLUE, better, label, window, wrapped

_MOST_ROWS, _MOST_PANELS = 15, 6


def repeats(jobs: Sequence[Job], objectives: Sequence[Objective], about: About | None = None) -> Figure | None:
    """Draw each configuration's trials with their mean and deviation; of a single one all that was measured.

    None where no configuration was tried twice.
    """
    ranked = configurations(jobs, objectives)[:_MOST_ROWS]
    most = max((len(one.jobs) for one in ranked), default=0)
    if most < 2:
        return None
    alone = len(ranked) == 1
    metrics = measured(ranked, objectives)
    if not alone:  # which end is better is known of the objectives, and of what is the same on another split
        known = {measure_of(objective.metric) for objective in objectives}
        metrics = [name for name in metrics if measure_of(name) in known]
    metrics = metrics[: _MOST_PANELS if alone else 2]
    if alone:
        figure = new_figure(7.5, 1.5 + 0.75 * len(metrics))
        every = figure.subplots(len(metrics), 1, squeeze=False)[:, 0]
    else:
        figure = new_figure(4 + 3.3 * len(metrics), 1.9 + 0.42 * len(ranked))
        every = figure.subplots(1, len(metrics), squeeze=False, sharey=True)[0]
    modes = {measure_of(objective.metric): objective for objective in objectives[::-1]}
    for axes, metric in zip(every, metrics, strict=True):
        _rows(axes, ranked, metric, modes.get(measure_of(metric)))
    names = [_name(one, jobs) for one in ranked]
    for place, axes in enumerate(every):
        if alone:
            axes.set_yticks([0], [label(metrics[place], 30)])
        else:
            axes.set_xlabel(f"{label(metrics[place], 30)} ({better(modes[measure_of(metrics[place])])})")
    if not alone:
        every[0].set_yticks(range(len(names)), names, fontsize=8)
        every[0].invert_yaxis()  # the best on top; the others share it
    by = " and ".join(label(key, 30) for key in repeated_by(jobs))
    count = f"n = {most}" if all(len(one.jobs) == most for one in ranked) else f"up to n = {most}"
    caption = "dots: trials; diamond and bar: mean ± one standard deviation"
    caption += "" if alone else f"; best mean {label(metrics[0], 30)} on top"
    entitle(figure, f"Mean and deviation over {by} ({count} trials{'' if alone else ' each'})", about, caption)
    return figure


def _rows(axes: Axes, ranked: Sequence[Configuration], metric: str, objective: Objective | None) -> None:
    """Draw a row for each configuration: the trials a little above, mean and deviation below them.

    Without an `objective` nobody knows the bad end, and all values are inside.
    """
    every = [[value for job in one.jobs if math.isfinite(value := job.value(metric))] for one in ranked]
    if not any(every):
        return
    estimates = [Estimate.of(values) for values in every if values]
    ends = [one.mean + sign * (one.std or 0) for one in estimates for sign in (-1, 1)]
    values_of_all = [value for values in every for value in values]
    shown = window(objective or Objective(metric, "max"), values_of_all, ends, [] if objective else values_of_all)
    shown.apply(axes, "x")
    if not shown.is_log:
        axes.locator_params(axis="x", nbins=4)  # more of them run into one another
    up = 0.17 if len(ranked) > 1 else -0.2
    for row, values in enumerate(every):
        if not values:
            continue
        axes.plot(values, [row - up] * len(values), "o", color=BLUE, alpha=0.55, markersize=5)
        found = Estimate.of(values)
        bar = axes.errorbar(found.mean, row, xerr=found.std or 0, fmt="D", color="black", markersize=5, capsize=3)
        bar[0].set_markerfacecolor(BEST_COLOUR)
        if objective and shown.beyond(values):
            at, arrow = (1.0, ">") if objective.mode == "min" else (0.0, "<")
            place = axes.plot([at], [row - up], arrow, transform=axes.get_yaxis_transform(), clip_on=False, zorder=5)
            place[0].set(color=BLUE, markerfacecolor="white", markersize=7)
        axes.annotate(spreads([found])[0], (1.02, row), xycoords=("axes fraction", "data"), fontsize=8, va="center")
    axes.set_ylim(-0.6, len(ranked) - 0.4)
    axes.grid(alpha=0.3)


def _name(one: Configuration, jobs: Sequence[Job]) -> str:
    keys = [key for key in varying(jobs) if not is_repeat(key)]
    names = short_names(keys)
    given = [override_of(names[key], shown_value(one.overrides[key], 20)) for key in keys if key in one.overrides]
    return wrapped(" ".join(given), 36)
