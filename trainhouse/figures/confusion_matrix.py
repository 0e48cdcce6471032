"""Which classes are taken for which."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trainhouse.figures.about import About
from trainhouse.figures.measured import Measured, rows_of
from trainhouse.figures.style import SHADES, USUAL, entitle, in_style, label, letter_size, new_figure, write

_MOST_CLASSES = 100  # a row of letters each, of a size that can be read
_SHOWN_OF_MORE = 60
_MOST_WRITTEN = 600  # numbers: each is drawn by itself


def of_measured(measured: Measured) -> Figure | None:
    """Draw the counts of all rows."""
    if measured.counts is None:
        return None
    return confusion_matrix(measured.counts, measured.spec.classes, measured.about)


@in_style
def confusion_matrix(counts: np.ndarray, classes: Sequence[str], about: About | None = None) -> Figure:
    """Draw counts (C, C), true classes in rows; of more than 100 classes those with the most errors."""
    total = int(counts.sum())
    names, notes = list(classes), ["Numbers are rows; a colour is the share of the true class."]
    if len(names) > _MOST_CLASSES:
        notes.append(f"Of {len(names)} classes the {_SHOWN_OF_MORE} with the most errors.")
        counts, names = _most_confused(counts, names)
    longest = 24 if len(names) <= 40 else 18
    shown = [label(name, longest) for name in names]
    cell = float(np.interp(len(names), [2, 10, 20, 60, 100], [1.0, 0.55, 0.42, 0.24, 0.16]))
    size = letter_size(cell, 1, most=USUAL)
    widest = max(len(name.replace("\\", "")) for name in shown)
    is_turned = 0.6 * size / 72 * widest > cell - 0.05
    side, names_wide = cell * len(names), 0.6 * size / 72 * widest
    figure = new_figure(max(5.4, side + names_wide + 1.7), side + (names_wide if is_turned else 0.2) + 1.5)
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1)
    bar = figure.colorbar(image, label="share of the true class", shrink=0.8, aspect=max(10.0, min(40.0, 8 * side)))
    bar.outline.set_visible(False)
    least = _write_numbers(axes, counts, shares, cell)
    axes.set_xticks(range(len(names)), shown, rotation=90 if is_turned else 0, fontsize=size)
    axes.set_yticks(range(len(names)), shown, fontsize=size)
    axes.spines[:].set_visible(True)
    axes.set(xlabel="predicted", ylabel="true")
    if least > 1:
        notes.append(f"Numbers below {least} are not written.")
    right = int(counts.diagonal().sum()) if len(names) == len(classes) else None
    accuracy = f" Right: {right:,} ({right / total:.1%})." if right is not None and total else ""
    entitle(figure, "Confusion matrix", about, f"n = {rows_of(total)}.{accuracy} {' '.join(notes)}")
    return figure


def _write_numbers(axes: Axes, counts: np.ndarray, shares: np.ndarray, cell: float) -> int:
    """Write the counts above 0, of very many the largest; return the least that is written."""
    found = np.sort(counts[counts > 0])[::-1]
    least = int(found[_MOST_WRITTEN]) + 1 if len(found) > _MOST_WRITTEN else 1
    digits = len(str(counts.max(initial=0)))
    size = letter_size(0.92 * cell, digits, most=USUAL, least=3.5)
    for row, column in np.argwhere(counts >= least):
        colour = "white" if shares[row, column] > 0.6 else "black"
        write(axes, column, row, str(counts[row, column]), ha="center", va="center", color=colour, fontsize=size)
    return least


def _most_confused(counts: np.ndarray, names: list[str]) -> tuple[np.ndarray, list[str]]:
    errors = counts.sum(axis=0) + counts.sum(axis=1) - 2 * counts.diagonal()
    chosen = np.sort(np.argsort(-errors, kind="stable")[:_SHOWN_OF_MORE])
    return counts[np.ix_(chosen, chosen)], [names[code] for code in chosen]
