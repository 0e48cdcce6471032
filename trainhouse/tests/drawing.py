"""Draws each kind of figure once in a process: to lay out its letters takes longer than all else that a short run does.

What a kind is, its labels say. Tests of figures themselves ask for the fixture `drawn`.
"""

import re

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_draw = FigureCanvasAgg.draw
_seen: set[str] = set()


def _draw_first(canvas: FigureCanvasAgg) -> None:
    """Leave a figure blank if another one of its kind was drawn."""
    if (kind := _kind(canvas.figure)) not in _seen:
        _draw(canvas)
        _seen.add(kind)
    canvas.renderer = canvas.get_renderer()


def _kind(figure: Figure) -> str:
    labels = []
    for axes in figure.axes:
        labels += [axes.get_xlabel(), axes.get_ylabel(), *axes.get_legend_handles_labels()[1]]
        labels += [text.get_text() for text in axes.texts]
    return re.sub(r"[\d.]+", "0", "|".join(labels))


FigureCanvasAgg.draw = _draw_first


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw every figure of this test."""
    monkeypatch.setattr(FigureCanvasAgg, "draw", _draw)
