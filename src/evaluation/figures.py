"""Figures of a run, drawn without a display: each function returns a matplotlib figure."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imsave

from src.utils.files import atomic_write


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


def loss_curve(history: Sequence[dict[str, float]], best_epoch: int | None = None) -> Figure:
    """Draw training and validation loss over epochs, and the metrics beside them; mark the best epoch."""
    names = {name.partition("/")[2] for row in history for name in row if "/" in name}
    metrics = sorted(name for name in names - {"loss"} if any(f"val/{name}" in row for row in history))
    panels = ["loss", *[name for name in metrics if name in ("acc", "f1", "r2")]]
    figure = Figure(figsize=(5 * len(panels), 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for split, colour in (("train", "tab:blue"), ("val", "tab:orange")):
            points = [(row["epoch"], row[key]) for row in history if (key := f"{split}/{name}") in row]
            if points:
                axes.plot(*zip(*points, strict=True), color=colour, marker="o", markersize=3, label=split)
        if best_epoch is not None:
            axes.axvline(best_epoch, color="grey", linestyle=":", label=f"best: epoch {best_epoch}")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set(xlabel="epoch", ylabel=name)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


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
