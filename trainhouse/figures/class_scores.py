"""Precision, recall and F1 of each class, and how sure they are."""

import numpy as np
from matplotlib.figure import Figure

from trainhouse.figures.intervals import wilson
from trainhouse.figures.measured import Measured, rows_of, some_names
from trainhouse.figures.style import BLACK, BLUE, USUAL, VERMILION, entitle, in_style, label, new_figure

_MOST = 40  # classes


@in_style
def class_scores(measured: Measured) -> Figure | None:
    """Draw the scores of each class from the counts of all rows, the worst F1 on top."""
    counts = measured.counts
    if counts is None:
        return None
    hits, true, said = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    f1 = 2 * hits / np.maximum(true + said, 1)
    there = np.flatnonzero(true)
    order = there[np.argsort(f1[there], kind="stable")][:_MOST]
    places = np.arange(len(order))
    names = [f"{label(measured.spec.classes[code], 36)}  ({true[code]:,})" for code in order]
    figure = new_figure(5.2 + 0.07 * max(map(len, names)), 1.9 + max(1.0, 0.34 * len(order)))
    axes = figure.subplots()
    axes.grid(axis="x")
    for name, of, offset, colour in (("precision", said, -0.18, BLUE), ("recall", true, 0.18, VERMILION)):
        low, high = wilson(hits[order], of[order])
        share = hits[order] / np.maximum(of[order], 1)
        is_there = of[order] > 0
        y = places[is_there] + offset
        axes.hlines(y, low[is_there], high[is_there], color=colour, linewidth=1.2)
        axes.plot(share[is_there], y, "o" if name == "precision" else "s", color=colour, label=name, markersize=4)
    axes.plot(f1[order], places, "|", color=BLACK, label="F1", markersize=9, markeredgewidth=1.8)
    axes.set_yticks(places, names, fontsize=USUAL)
    axes.set(xlim=(-0.02, 1.02), ylim=(len(order) - 0.5, -0.5), xlabel="score", ylabel="class (its rows)")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, frameon=False)
    notes = ["Lines: 95 % Wilson intervals of precision and recall; F1 has none. The worst F1 is on top."]
    if len(there) > _MOST:
        notes.append(f"The {_MOST} worst of {len(there)} classes are shown.")
    if len(there) < len(true):
        notes.append(f"Without a row in this split, so not shown: {some_names(measured, np.flatnonzero(true == 0))}.")
    entitle(figure, "Scores of each class", measured.about, f"n = {rows_of(int(counts.sum()))}. {' '.join(notes)}")
    return figure
