"""A figure of several labels: how well each is found."""

import numpy as np
from matplotlib.figure import Figure

from trainhouse.figures.measured import Measured
from trainhouse.figures.style import entitle, in_style, label, new_figure

_MOST = 40


@in_style
def label_scores(measured: Measured) -> Figure:
    """Draw precision, recall and F1 of each label, the worst F1 on top."""
    true, said = measured.targets > 0, measured.predictions >= 0.5
    hits, found, rows = (true & said).sum(axis=0), said.sum(axis=0), true.sum(axis=0)
    precision, recall = hits / np.maximum(found, 1), hits / np.maximum(rows, 1)
    f1 = 2 * hits / np.maximum(found + rows, 1)
    order = np.argsort(f1, kind="stable")[:_MOST]
    places = np.arange(len(order))
    figure = new_figure(7.2, 1.9 + 0.42 * len(order))
    axes = figure.subplots()
    axes.grid(axis="x")
    for offset, name, values in ((-0.22, "precision", precision), (0, "recall", recall), (0.22, "F1", f1)):
        axes.scatter(values[order], places + offset, s=28, label=name)
    axes.set_yticks(places, [f"{label(measured.spec.targets[place], 36)}  ({rows[place]:,})" for place in order])
    axes.set(xlim=(-0.02, 1.02), ylim=(len(order) - 0.4, -0.6), xlabel="score; in brackets the rows of the label")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.3 if len(order) < 5 else -0.15), ncols=3, frameon=False)
    entitle(figure, "Scores of each label", measured.about, measured.n)
    return figure
