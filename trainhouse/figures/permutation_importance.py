"""What a model goes by: how much worse it gets when the values of one column are dealt out again among the rows.

A column that says what is to be predicted, a leak, stands far above all others. (L. Breiman: Random Forests, 2001.)
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from trainhouse.figures.measured import Measured, rows_of
from trainhouse.figures.style import BLUE, GREY, entitle, in_style, label, new_figure

REPEATS = 5
MOST_ROWS, LEAST_ROWS = 1000, 50
MOST_COLUMNS = 200
_MOST_SHOWN = 25
_MOST_WORK = 4e10  # multiplications, by the number of weights: a second or two of one core


@dataclass(frozen=True)
class Importances:
    """How much the mean error rises, for each of some columns, each time that it is dealt out again."""

    columns: np.ndarray
    """(K,) numbers of columns."""
    rises: np.ndarray
    """(K, REPEATS)."""
    base: float
    """The mean error of the rows as they are."""
    rows: int


def importances(measured: Measured) -> Importances | None:
    """Return the importance of each column of rows (N, F); None for others, and where it would take too long.

    A column of categories holds one code for each row, so it is dealt out as a whole. The rows are at most 1,000, the
    first of a sample that is the same each time; fewer where there are many columns or weights.
    """
    shape, errors = measured.spec.input_shape, measured.row_errors
    if len(shape) != 1 or errors is None or _is_flat_image(measured):
        return None
    columns = np.arange(min(shape[0], MOST_COLUMNS))
    affordable = int(_MOST_WORK / (len(columns) * REPEATS * max(1000, 2 * measured.weights)))
    count = min(len(measured.targets), MOST_ROWS, affordable)
    if count < min(LEAST_ROWS, len(measured.targets)) or count < 2:
        return None
    random = np.random.default_rng(0)
    chosen = np.sort(random.permutation(len(measured.targets))[:count])
    x, targets = measured.stored(measured.positions[chosen]), measured.targets[chosen]
    base = errors(targets, measured.predict(x))
    orders = [random.permutation(count) for _ in range(REPEATS)]
    rises = np.empty((len(columns), REPEATS))
    repeated = np.concatenate([x] * REPEATS)
    every = np.concatenate([targets] * REPEATS)
    for place, column in enumerate(columns):
        repeated[:, column] = np.concatenate([x[order, column] for order in orders])
        found = errors(every, measured.predict(repeated)).reshape(REPEATS, count)
        rises[place] = (found - base).mean(axis=1)
        repeated[:, column] = np.concatenate([x[:, column]] * REPEATS)
    return Importances(columns, rises, float(base.mean()), count)


def _is_flat_image(measured: Measured) -> bool:
    """Bytes without names, many of them, are pixels: one of them alone says nothing."""
    spec = measured.spec
    return not spec.columns and spec.dtype == "uint8" and spec.input_shape[0] >= 64


@in_style
def permutation_importance(measured: Measured) -> Figure | None:
    """Draw the importance of each column with its deviation over repeats, the highest on top."""
    found = importances(measured)
    if found is None:
        return None
    names = measured.spec.columns
    mean, deviation = found.rises.mean(axis=1), found.rises.std(axis=1, ddof=1)
    order = np.argsort(-np.nan_to_num(mean, posinf=np.inf), kind="stable")[:_MOST_SHOWN]
    places = np.arange(len(order))
    figure = new_figure(7.2, 1.8 + max(1.0, 0.27 * len(order)))
    axes = figure.subplots()
    axes.grid(axis="x")
    axes.axvline(0, color=GREY, linewidth=1)
    axes.barh(places, mean[order], xerr=deviation[order], color=BLUE, height=0.66, error_kw={"capsize": 2, "lw": 1})
    shown = [label(names[found.columns[code]], 36) if names else f"column {found.columns[code]}" for code in order]
    axes.set_yticks(places, shown)
    axes.set(ylim=(len(order) - 0.4, -0.6), xlabel=f"rise of the mean {label(measured.error, 60)}")
    sample = "" if found.rows == measured.total else f", a sample of {measured.total:,}"
    notes = [
        f"n = {rows_of(found.rows)}{sample}; as they are, the mean {label(measured.error, 60)} is "
        f"{found.base:.4g}. Each column is dealt out again {REPEATS} times; lines: the deviation over these."
    ]
    if len(order) < len(mean):
        notes.append(f"The {len(order)} highest of {len(mean)} columns are shown.")
    if len(mean) < measured.spec.input_shape[0]:
        notes.append(f"Only the first {len(mean)} of {measured.spec.input_shape[0]:,} columns were tried.")
    entitle(figure, "Permutation importance", measured.about, " ".join(notes))
    return figure
