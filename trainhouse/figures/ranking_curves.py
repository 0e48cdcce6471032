"""How well probabilities put the rows of a class before all others: ROC, and precision over recall.

Of several classes each one stands against the rest. torchmetrics computes the curves and their areas.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torchmetrics.functional.classification import binary_precision_recall_curve, binary_roc

from trainhouse.figures.measured import Measured, some_names
from trainhouse.figures.style import BLACK, GREY, SERIES, entitle, in_style, label, panel

_WORST = 5  # classes with a curve of their own, beside the mean
_MOST_POINTS = 2000  # of a curve: there are no more pixels
_GRID = np.linspace(0, 1, 501)


@dataclass(frozen=True)
class _Curve:
    code: int
    x: np.ndarray
    y: np.ndarray
    area: float
    rows: int


@dataclass(frozen=True)
class _Ranked:
    """The classes that have rows, and others that have not, in what was kept of a split."""

    measured: Measured

    @cached_property
    def codes(self) -> list[int]:
        """Classes of which there are rows, and other rows too; of two classes the second alone, which says it all."""
        counts = np.bincount(self.measured.targets, minlength=self.measured.spec.outputs)
        present = [int(code) for code in np.flatnonzero((counts > 0) & (counts < counts.sum()))]
        return present[1:] if len(counts) == 2 and len(present) == 2 else present

    def of(self, code: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the probabilities (n,) of a class, and 1 for its rows."""
        said = np.ascontiguousarray(self.measured.predictions[:, code])
        return torch.from_numpy(said), torch.from_numpy((self.measured.targets == code).astype(np.int64))

    @property
    def note(self) -> str:
        """What is not drawn, and why."""
        counts = np.bincount(self.measured.targets, minlength=self.measured.spec.outputs)
        absent = np.flatnonzero(counts == 0)
        return f" Without a row here, so left out: {some_names(self.measured, absent)}." if len(absent) else ""


@in_style
def roc_curve(measured: Measured) -> Figure | None:
    """Draw the true over the false positives of each threshold; None where there is but one class."""
    ranked = _Ranked(measured)
    curves = []
    for code in ranked.codes:
        false, true, _ = (part.numpy() for part in binary_roc(*ranked.of(code), validate_args=False))
        curves.append(
            _Curve(code, false, true, float(np.trapezoid(true, false)), int((measured.targets == code).sum()))
        )
    if not curves:
        return None
    figure, axes = panel(6.4, 6.0)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="by chance: 0.500")
    mean = np.mean([np.interp(_GRID, curve.x, curve.y) for curve in curves], axis=0)
    _draw(axes, measured, curves, mean, "AUC")
    axes.set(xlabel="false positive rate", ylabel="true positive rate (recall)")
    entitle(figure, "ROC curve", measured.about, _caption(ranked, curves, "macro: the mean over classes"))
    return figure


@in_style
def precision_recall(measured: Measured) -> Figure | None:
    """Draw precision over recall for each threshold; None where there is but one class."""
    ranked = _Ranked(measured)
    curves = []
    for code in ranked.codes:
        said, is_it = ranked.of(code)
        parts = binary_precision_recall_curve(said, is_it, validate_args=False)
        precision, recall = parts[0].numpy()[::-1], parts[1].numpy()[::-1]  # recall from 0 up
        area = float((np.diff(recall) * precision[1:]).sum())
        curves.append(_Curve(code, recall, precision, area, int(is_it.sum())))
    if not curves:
        return None
    figure, axes = panel(6.4, 6.0)
    mean = np.mean([_step(curve) for curve in curves], axis=0)
    _draw(axes, measured, curves, mean, "AP")
    if len(curves) == 1:
        share = curves[0].rows / len(measured.targets)
        axes.axhline(share, color=GREY, linestyle=":", label=f"by chance: {share:.3f}")
        axes.legend(loc="lower left")
    axes.set(xlabel="recall", ylabel="precision")
    words = "AP: the mean precision over recall; macro: its mean over classes"
    entitle(figure, "Precision and recall", measured.about, _caption(ranked, curves, words))
    return figure


def _step(curve: _Curve) -> np.ndarray:
    """Return the precision at each recall of the grid: that of the next threshold which reaches it, as AP counts it."""
    first = np.searchsorted(curve.x, _GRID, side="left").clip(1, len(curve.x) - 1)
    precision: np.ndarray = curve.y[first]
    return precision


def _draw(axes: Axes, measured: Measured, curves: list[_Curve], mean: np.ndarray, area: str) -> None:
    worst = sorted(curves, key=lambda curve: curve.area)[: _WORST + (len(curves) == _WORST + 1)]
    for curve, colour in zip(worst, SERIES[:6], strict=False):
        keep = np.unique(np.linspace(0, len(curve.x) - 1, min(len(curve.x), _MOST_POINTS)).astype(np.int64))
        name = label(measured.spec.classes[curve.code], 32)
        axes.plot(curve.x[keep], curve.y[keep], color=colour, label=f"{name}: {area} {curve.area:.3f}")
    if len(curves) > 1:
        macro = np.mean([curve.area for curve in curves])
        axes.plot(_GRID, mean, color=BLACK, linewidth=2.2, label=f"macro: {area} {macro:.3f}")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.legend(loc="lower right" if area == "AUC" else "lower left")


def _caption(ranked: _Ranked, curves: list[_Curve], words: str) -> str:
    measured = ranked.measured
    if len(curves) == 1:
        return f"{measured.n}; {curves[0].rows:,} of class {label(measured.spec.classes[curves[0].code])}."
    shown = len(curves) if len(curves) <= _WORST + 1 else _WORST
    which = "" if shown == len(curves) else f" The {shown} worst of {len(curves)} classes are shown."
    return f"{measured.n}. Each class against the rest; {words}.{which}{ranked.note}"
