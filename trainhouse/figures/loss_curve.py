"""The losses and metrics of a run over its epochs, and its learning rate."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from trainhouse.figures.about import About
from trainhouse.figures.style import BLACK, GREY, OF_SPLIT, SERIES, entitle, in_style, is_wide, label, new_figure
from trainhouse.reports.names import COLUMNS, measure_of, split_of

_ORDER: dict[str | None, int] = {"train": 0, "val": 1}
_MOST_PANELS = 6
_MOST_MARKED = 60  # epochs: of more, points would make a thick line
# Measures that are in the unit of the target.
_IN_UNITS = ("rmse", "mae")


@in_style
def loss_curve(
    history: Sequence[dict[str, float]],
    best_epoch: int | None = None,
    monitor: str | None = None,
    about: About | None = None,
    targets: Sequence[str] = (),
) -> Figure:
    """Draw the losses over epochs, the metrics beside them, the learning rate below if it changes; mark the best epoch.

    What two splits have in common, as ``train/loss`` and ``val/loss``, shares a panel. Losses come first, then what
    `monitor` names, then the metrics of validation; six panels at most. `targets` are those of a regression.
    """
    names = [name for name in dict.fromkeys(name for row in history for name in row) if name not in COLUMNS]
    every = _panels(names, monitor)
    panels = every[:_MOST_PANELS]
    rates = np.array([row.get("lr", np.nan) for row in history], dtype=float)
    changes = len(np.unique(rates[np.isfinite(rates)])) > 1
    columns = max(1, min(3, len(panels)) if len(panels) != 4 else 2)
    rows = max(1, -(-len(panels) // columns))
    heights = [3.0] * rows + [1.3] * changes
    figure = new_figure(max(6.4, 4.6 * columns), sum(heights) + 1.0)
    grid = figure.add_gridspec(len(heights), columns, height_ratios=heights)
    for place, measure in enumerate(panels):
        axes = figure.add_subplot(grid[divmod(place, columns)])
        _draw(axes, history, [name for name in names if measure_of(name) == measure], best_epoch)
        axes.set_ylabel(label(_with_unit(measure, targets), 36))
    if changes:
        axes = figure.add_subplot(grid[-1, :])
        _over_epochs(axes, [row["epoch"] for row in history])
        axes.plot([row["epoch"] for row in history], rates, color=BLACK, linewidth=1.2, **_marked(history))
        axes.set_ylabel("learning rate")
        if is_wide(rates[np.isfinite(rates)]):
            axes.set_yscale("log")
    entitle(figure, "Loss and metrics", about, _caption(history, every, changes, rates, best_epoch))
    return figure


def _caption(
    history: Sequence[dict[str, float]], every: list[str], changes: bool, rates: np.ndarray, best_epoch: int | None
) -> str:
    parts = [f"{len(history)} epoch{'s' * (len(history) != 1)}."]
    if best_epoch is not None:
        parts.append(f"The best is epoch {best_epoch}.")
    if not changes and len(rates) and np.isfinite(rates[0]):
        parts.append(f"Learning rate {rates[0]:.4g} throughout.")
    if rows := history[0].get("train_rows") if history else None:
        parts.append(f"n = {int(rows):,} training rows an epoch.")
    if len(every) > _MOST_PANELS:
        parts.append(f"{len(every) - _MOST_PANELS} more metrics are in logs/metrics.csv.")
    return " ".join(parts)


def _panels(names: Sequence[str], monitor: str | None) -> list[str]:
    measures = list(dict.fromkeys(map(measure_of, names)))
    losses = [measure for measure in measures if "loss" in measure]
    validated = {measure_of(name) for name in names if split_of(name) != "train"} or set(measures)
    others = sorted(measure for measure in measures if measure in validated - {*losses})
    first = [measure_of(monitor)] if monitor is not None and monitor in names else []
    losses.sort(key=lambda measure: measure != "loss")
    return list(dict.fromkeys([*losses, *first, *others]))


def _with_unit(measure: str, targets: Sequence[str]) -> str:
    for name in _IN_UNITS:
        if measure == name and len(targets) == 1:
            return f"{measure} (unit of {targets[0]})"
        if measure.removeprefix(f"{name}_") in targets:
            return f"{measure} (its unit)"
    return measure


def _draw(axes: Axes, history: Sequence[dict[str, float]], names: list[str], best_epoch: int | None) -> None:
    _over_epochs(axes, [row["epoch"] for row in history])
    colours = iter([colour for colour in SERIES if colour not in OF_SPLIT.values()] * len(names))
    curves = []
    for name in sorted(names, key=lambda name: _ORDER.get(split_of(name), 3)):
        points = np.array([(row["epoch"], row[name]) for row in history if name in row], dtype=float)
        colour = OF_SPLIT.get(split_of(name) or "") or next(colours)
        axes.plot(*points.T, color=colour, label=label(split_of(name) or name, 40), **_marked(points))
        curves.append(points[:, 1])
        if len(lost := points[~np.isfinite(points[:, 1]), 0]):
            edge = axes.get_xaxis_transform()
            (marks,) = axes.plot(lost, [0.0] * len(lost), "x", color=colour, transform=edge, clip_on=False)
            marks.set_label(f"{label(split_of(name) or name, 24)}: no finite number")
    if _is_flattened(curves):
        axes.set_yscale("log")
    if best_epoch is not None:
        axes.axvline(best_epoch, color=GREY, linestyle=":", label=f"best: epoch {best_epoch}")
    axes.legend()


def _marked(points: Sequence[Any] | np.ndarray) -> dict[str, Any]:
    return {"marker": "o", "markersize": 3} if len(points) <= _MOST_MARKED else {}


def _is_flattened(curves: list[np.ndarray]) -> bool:
    """Whether what comes after the first epochs lies in a tenth of what a linear scale would span."""
    finite = [curve[np.isfinite(curve)] for curve in curves]
    values = np.concatenate(finite) if finite else np.array([])
    later = np.concatenate([curve[max(1, len(curve) // 5) :] for curve in finite]) if finite else values
    if len(later) < 3 or values.min() <= 0:
        return False
    return bool(np.ptp(later) < 0.1 * np.ptp(values) and values.max() > 3 * later.max())


def _over_epochs(axes: Axes, epochs: Sequence[float]) -> None:
    axes.grid(visible=True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    if len(epochs) == 1:
        axes.set_xlim(epochs[0] - 1, epochs[0] + 1)
    axes.set_xlabel("epoch")
