"""What a search for several things at once came to."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from trainhouse.sweeps.job import Job, Objective
from trainhouse.sweeps.repeats import configurations, pareto
from trainhouse.sweeps.style import BLUE, PRUNED_COLOUR, better, counted, label, legend, panel, title, window


def pareto_front(jobs: Sequence[Job], objectives: Sequence[Objective], about: str = "") -> Figure | None:
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
    title(axes, f"{label(first.metric, 30)} against {label(second.metric, 30)} of {counted(jobs)}", about)
    legend(figure, axes)
    return figure
