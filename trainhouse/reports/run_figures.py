"""Figures of a run, drawn without a display: each function returns a matplotlib figure."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imsave

from trainhouse.machine.files import atomic_write
from trainhouse.reports.names import measure_of, split_of


def save(figure: Figure, path: Path) -> np.ndarray:
    """Write a figure as PNG; return its pixels (height, width, 4), uint8.

    Drawn once: `Figure.savefig` draws twice, and what lays the panels out runs each time.
    """
    figure.set_dpi(120)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())
    with atomic_write(path) as file:
        imsave(file, pixels, format="png", dpi=figure.dpi)
    return pixels


def loss_curve(
    history: Sequence[dict[str, float]], best_epoch: int | None = None, monitor: str | None = None
) -> Figure:
    """Draw the losses over epochs, and the metrics beside them; mark the best epoch.

    What two splits have in common, as ``train/loss`` and ``val/loss``, shares a panel. Losses come first, then what
    `monitor` names, then the metrics of validation; six panels at most.
    """
    names = [name for name in dict.fromkeys(name for row in history for name in row) if name not in COLUMNS]
    panels = _panels(names, monitor)
    figure = Figure(figsize=(5 * max(1, len(panels)), 3.6), layout="constrained")
    every = figure.subplots(1, max(1, len(panels)), squeeze=False)[0]
    for axes, measure in zip(every, panels, strict=False):
        shown = [name for name in names if measure_of(name) == measure]
        for name in sorted(shown, key=lambda name: _ORDER.get(split_of(name), 3)):
            points = [(row["epoch"], row[name]) for row in history if name in row]
            colour = _COLOURS.get(split_of(name), "tab:green")
            axes.plot(*zip(*points, strict=True), color=colour, marker="o", markersize=3, label=split_of(name) or name)
        if best_epoch is not None:
            axes.axvline(best_epoch, color="grey", linestyle=":", label=f"best: epoch {best_epoch}")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set(xlabel="epoch", ylabel=measure)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


# Of a row of the history, beside what the module logs.
COLUMNS = ("epoch", "step", "lr", "seconds", "train_rows", "train_seconds")
_COLOURS: dict[str | None, str] = {"train": "tab:blue", "val": "tab:orange"}
_ORDER: dict[str | None, int] = {"train": 0, "val": 1}
_MOST_PANELS = 6
# Measures of the same thing as another panel: f1 of acc is worth seeing, mae of rmse is not.
_NOT_DRAWN = ("mae", "rmse")


def _panels(names: Sequence[str], monitor: str | None) -> list[str]:
    measures = list(dict.fromkeys(map(measure_of, names)))
    losses = [measure for measure in measures if "loss" in measure]
    validated = {measure_of(name) for name in names if split_of(name) != "train"} or set(measures)
    others = sorted(measure for measure in measures if measure in validated - {*losses, *_NOT_DRAWN})
    first = [measure_of(monitor)] if monitor is not None and monitor in names else []
    losses.sort(key=lambda measure: measure != "loss")
    return list(dict.fromkeys([*losses, *first, *others]))[:_MOST_PANELS]


def confusion_matrix(counts: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw counts (C, C), true classes in rows; numbers are written in up to 20 classes."""
    size = min(14.0, 3 + 0.45 * len(classes))
    figure = Figure(figsize=(size + 1, size), layout="constrained")
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, label="share of the true class", shrink=0.8)
    if len(classes) <= 20:
        for row, column in np.ndindex(*counts.shape):
            if counts[row, column]:
                colour = "white" if shares[row, column] > 0.6 else "black"
                axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour, fontsize=8)
    if len(classes) <= 50:
        axes.set_xticks(range(len(classes)), classes, rotation=90 if max(map(len, classes)) > 3 else 0)
        axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="predicted", ylabel="true")
    return figure


def predicted_against_true(targets: np.ndarray, predictions: np.ndarray, names: Sequence[str]) -> Figure:
    """Draw (N, T) predictions over (N, T) targets, up to 5,000 points of up to 4 targets."""
    keep = np.linspace(0, len(targets) - 1, min(len(targets), 5000)).astype(int)
    shown = min(len(names), 4)
    figure = Figure(figsize=(4.2 * shown, 4), layout="constrained")
    for index, axes in enumerate(figure.subplots(1, shown, squeeze=False)[0]):
        true, predicted = targets[keep, index], predictions[keep, index]
        ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
        axes.plot(ends, ends, color="grey", linestyle=":", label="perfect")
        axes.scatter(true, predicted, s=8, alpha=0.4)
        axes.set(xlabel=f"true {names[index]}", ylabel=f"predicted {names[index]}")
        axes.grid(alpha=0.3)
        axes.legend()
    return figure
