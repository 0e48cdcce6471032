"""How predicted numbers compare with true ones: one panel for each target, in the target's own unit."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trainhouse.figures.about import About
from trainhouse.figures.measured import Measured, rows_of
from trainhouse.figures.style import BLUE, GREY, VERMILION, entitle, in_style, label, new_figure
from trainhouse.machine.numbers import format_number

_MOST_PANELS = 12
_MOST_POINTS = 5000  # of a figure of few panels


def of_measured(measured: Measured) -> Figure | None:
    """Draw predictions over true values."""
    if measured.spec.classes:
        return None
    return predicted_against_true(
        measured.targets, measured.predictions, measured.spec.targets, measured.about, measured.n
    )


@in_style
def predicted_against_true(
    targets: np.ndarray, predictions: np.ndarray, names: Sequence[str], about: About | None = None, n: str = ""
) -> Figure:
    """Draw (N, T) predictions over (N, T) targets; of more than 12 targets those with the lowest R2."""
    n = n or f"n = {rows_of(len(targets))}"

    def draw(axes: Axes, true: np.ndarray, said: np.ndarray) -> None:
        ends = [min(true.min(), said.min()), max(true.max(), said.max())]
        axes.plot(ends, ends, color=GREY, linestyle=":", label="perfect")
        axes.plot(true, said, "o", color=BLUE, markersize=_size(len(true)), alpha=_alpha(len(true)), markeredgewidth=0)
        axes.set(xlabel="true", ylabel="predicted", box_aspect=1)
        _equal(axes, ends)

    caption = f"{n}, in the unit of the target. Dotted: perfect."
    return _grid("Predicted against true", targets, predictions, names, about, draw, caption, 1.0)


@in_style
def residuals(measured: Measured) -> Figure | None:
    """Draw predicted minus true over predicted: a bend or a funnel shows what the model has not learned."""
    if measured.spec.classes:
        return None

    def draw(axes: Axes, true: np.ndarray, said: np.ndarray) -> None:
        residual = said - true
        axes.axhline(0, color=GREY, linestyle=":")
        axes.plot(
            said, residual, "o", color=BLUE, markersize=_size(len(true)), alpha=_alpha(len(true)), markeredgewidth=0
        )
        if len(said) >= 50:
            order = np.argsort(said, kind="stable")
            parts = np.array_split(order, int(np.clip(len(order) // 40, 4, 20)))
            middle = [np.median(residual[part]) for part in parts]
            axes.plot([np.median(said[part]) for part in parts], middle, color=VERMILION, linewidth=1.5)
        axes.set(xlabel="predicted", ylabel="predicted - true", box_aspect=0.8)

    line = " Line: the median of neighbours." if len(measured.targets) >= 50 else ""
    caption = f"{measured.n}, in the unit of the target.{line}"
    return _grid(
        "Residuals", measured.targets, measured.predictions, measured.spec.targets, measured.about, draw, caption, 0.8
    )


def _grid(
    what: str,
    targets: np.ndarray,
    predictions: np.ndarray,
    names: Sequence[str],
    about: About | None,
    draw: Callable[[Axes, np.ndarray, np.ndarray], None],
    caption: str,
    aspect: float,
) -> Figure:
    targets, predictions = targets.astype(np.float64), predictions.astype(np.float64)
    r2 = [_r2(targets[:, index], predictions[:, index]) for index in range(len(names))]
    shown = list(range(len(names)))
    if len(names) > _MOST_PANELS:
        shown = sorted(np.argsort(np.nan_to_num(r2, nan=-np.inf), kind="stable")[:_MOST_PANELS].tolist())
        caption += f" Of {len(names)} targets the {_MOST_PANELS} with the lowest R2 are shown."
    columns = min(len(shown), 4 if len(shown) > 6 else 3)
    rows = -(-len(shown) // columns)
    side = 5.2 if len(shown) == 1 else 3.9 if columns < 3 else 3.3
    figure = new_figure(max(6.4, side * columns), (aspect * side + 0.2) * rows + 0.9)
    most = max(1000, _MOST_POINTS // len(shown))
    if len(targets) > most:
        caption += f" {most:,} are drawn."
    keep = np.unique(np.linspace(0, len(targets) - 1, min(len(targets), most)).astype(np.int64))
    every = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, index in zip(every, shown, strict=False):
        true, said = targets[:, index], predictions[:, index]
        finite = np.isfinite(true[keep]) & np.isfinite(said[keep])
        axes.grid(visible=True)
        name = label(names[index], 32)
        if finite.any():
            draw(axes, true[keep][finite], said[keep][finite])
        error = float(np.sqrt(np.mean((said - true) ** 2)))
        axes.set_title(f"{name}\nR2 {r2[index]:.3f}   rmse {format_number(error)}")
        axes.tick_params(axis="x", labelrotation=30 if _has_long_ticks(axes) else 0)
    for axes in every[len(shown) :]:
        axes.remove()
    entitle(figure, what, about, caption)
    return figure


def _r2(true: np.ndarray, said: np.ndarray) -> float:
    squares = float(((true - true.mean()) ** 2).sum())
    return 1 - float(((said - true) ** 2).sum()) / squares if squares > 0 else float("nan")


def _equal(axes: Axes, ends: list[float]) -> None:
    """Give both axes the same ends, and so the same ticks."""
    margin = 0.04 * (ends[1] - ends[0]) or max(1e-6, 0.04 * abs(ends[0]))
    axes.set(xlim=(ends[0] - margin, ends[1] + margin), ylim=(ends[0] - margin, ends[1] + margin))


def _has_long_ticks(axes: Axes) -> bool:
    return max(abs(end) for end in axes.get_xlim()) >= 1e4


def _size(points: int) -> float:
    return 4.0 if points <= 300 else 3.0


def _alpha(points: int) -> float:
    return float(np.interp(points, [50, 500, 5000], [0.8, 0.5, 0.3]))
