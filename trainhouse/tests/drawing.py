"""Draws each kind of figure once: to lay out its letters takes longer than all else that a short run does.

What a kind is, its labels say; of those of a test, its name. Tests of figures themselves ask for the fixture `drawn`;
``-m slow`` draws all.
"""

import mmap
import re
import zlib
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from trainhouse.figures import drawing

_draw = FigureCanvasAgg.draw
_made = drawing._made
_seen = mmap.mmap(-1, 2**20)  # shared with the processes that are forked from this one


def _draw_first(canvas: FigureCanvasAgg) -> None:
    """Leave a figure blank if another one of its kind was drawn."""
    place = zlib.crc32(_kind(canvas.figure).encode()) % len(_seen)
    if not _seen[place]:
        _draw(canvas)
        _seen[place] = 1
    canvas.renderer = canvas.get_renderer()


def _kind(figure: Figure) -> str:
    labels = []
    for axes in figure.axes:
        labels += [axes.get_xlabel(), axes.get_ylabel(), *axes.get_legend_handles_labels()[1]]
        labels += [text.get_text() for text in axes.texts]
    return re.sub(r"[\d.]+", "0", "|".join(labels))


def _make_first(name: str, make: Any) -> Figure | None:
    """Make a figure of a name that was not made before; any other one is tiny and empty."""
    place = zlib.crc32(name.encode()) % len(_seen)
    if not _seen[place]:
        _seen[place] = 1
        return _made(name, make)
    return Figure(figsize=(0.1, 0.1))


def draw_each_kind_once() -> None:
    """Leave the others blank, in this process and those forked from it."""
    FigureCanvasAgg.draw = _draw_first
    drawing._made = _make_first


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw every figure of this test."""
    monkeypatch.setattr(FigureCanvasAgg, "draw", _draw)
    monkeypatch.setattr(drawing, "_made", _made)
