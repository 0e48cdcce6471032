"""What all figures have in common: colours, sizes of letters, title and caption, labels that fit, and how one is saved.

Drawn without a display, and the same picture each time: a file says neither when it was written nor by which version.
"""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imsave
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text

from trainhouse.configuration.printable import printable
from trainhouse.figures.about import About as About
from trainhouse.machine.files import atomic_write

# Colours that differ with any kind of colour vision (M. Okabe, K. Ito: Color Universal Design, 2008). The eighth, a
# yellow, is too pale for a line on white.
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
GREY, PALE = "#767676", "#B8B8B8"
SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
"""For lines that have no colour of their own, in this order."""
OF_SPLIT = {"train": BLUE, "val": VERMILION, "test": GREEN}
SHADES = "Blues"
"""The map of shares from 0 to 1."""
DPI = 120
SMALL, USUAL, LARGE = 8.0, 9.0, 11.0
"""Sizes of letters, in points."""
_RC: Any = {
    "font.size": USUAL,
    "axes.titlesize": USUAL,
    "axes.labelsize": USUAL,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=SERIES),
    "grid.alpha": 0.3,
    "legend.fontsize": SMALL,
    "legend.framealpha": 0.8,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "lines.linewidth": 1.5,
    "lines.markersize": 4,
    "image.interpolation": "nearest",
    "text.hinting": "none",  # a quarter less time, and letters as good at this size
    "figure.max_open_warning": 0,
}
# Letters that matplotlib's own font has not, where the system has a font for them.
_FURTHER = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans",
    "Yu Gothic",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
    "Noto Sans Devanagari",
    "Noto Sans Bengali",
    "Noto Sans Thai",
    "Nirmala UI",
    "Leelawadee UI",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Segoe UI Emoji",
    "Arial Unicode MS",
)
_P = ParamSpec("_P")
_R = TypeVar("_R")


@contextmanager
def styled() -> Iterator[None]:
    """Have all that is drawn within look alike."""
    with mpl.rc_context({**_RC, "font.family": list(_families())}):
        yield


def in_style(draw: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorate a function that draws: what it makes is in this style."""

    @wraps(draw)
    def drawn(*arguments: _P.args, **named: _P.kwargs) -> _R:
        with styled():
            return draw(*arguments, **named)

    return drawn


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of that many inches, which lays out its panels so that no letter is cut off."""
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.06), dpi=DPI)


def panel(width: float = 6.4, height: float = 4.4) -> tuple[Figure, Axes]:
    """Return a figure of one panel with a grid."""
    figure = new_figure(width, height)
    axes = figure.subplots()
    axes.grid(visible=True)
    return figure, axes


def entitle(figure: Figure, what: str, about: About | None = None, caption: str = "") -> None:
    """Write above a figure `what` it is, of which run and data; and small below it, its `caption`."""
    about = about or About()
    head = [part for part in (what, label(about.run, 100)) if part]
    line = "  ·  ".join(head)
    lines = [*([line] if len(line) <= _letters(figure, LARGE) else head), label(about.data, 200)]
    text = "\n".join(_wrapped(line, figure, LARGE) for line in lines if line)
    figure.suptitle(text, x=0.012, ha="left", fontsize=LARGE)
    if caption := f"{caption} {about.note}".strip():
        figure.supxlabel(_wrapped(caption, figure, SMALL), x=0.012, ha="left", fontsize=SMALL, color=GREY)


def _letters(figure: Figure, size: float) -> int:
    return max(30, int(figure.get_figwidth() * 72 / (0.52 * size)))


def _wrapped(text: str, figure: Figure, size: float) -> str:
    return "\n".join(textwrap.wrap(text, _letters(figure, size), break_on_hyphens=False))


def label(text: object, longest: int = 30) -> str:
    """Return text of at most `longest` letters, as it is drawn: shortened in its middle, so that its end is seen too.

    matplotlib takes what stands between two $ for a formula. A letter for which there is no font is written as its
    number, ``<4E2D>``, not as an empty box.
    """
    shown = printable(text)
    if not shown.isascii():
        shown = "".join(letter if _has_glyph(letter) else f"<{ord(letter):04X}>" for letter in shown)
    if len(shown) > longest:
        end = (longest - 1) // 2
        shown = f"{shown[: longest - 1 - end]}…{shown[len(shown) - end :]}"
    return shown.replace("$", r"\$")


@cache
def _families() -> tuple[str, ...]:
    """Return the fonts to look for a letter in, one after the other: matplotlib's own, which is the same everywhere."""
    installed = {entry.name for entry in font_manager.fontManager.ttflist}
    return ("DejaVu Sans", *(name for name in _FURTHER if name in installed))


@cache
def _has_glyph(letter: str) -> bool:
    return any(
        font_manager.get_font(font_manager.findfont(family)).get_char_index(ord(letter)) for family in _families()
    )


def write(axes: Axes, x: float, y: float, text: str, **properties: Any) -> None:
    """Write text at a place of a panel: what is not cut off there costs half of `Axes.text`, for hundreds of them."""
    axes.figure.add_artist(Text(x, y, text, transform=axes.transData, in_layout=False, **properties))


def letter_size(available: float, longest: int, most: float = USUAL, least: float = 5.0) -> float:
    """Return the size, in points, of letters of which `longest` in a row take at most the `available` inches."""
    return float(np.clip(available * 72 / (0.62 * max(1, longest)), least, most))


def is_wide(values: np.ndarray | Sequence[float], times: float = 100) -> bool:
    """Whether values want a logarithmic scale: all of them positive, the largest so many `times` the smallest."""
    return len(values) > 0 and bool(np.min(values) > 0) and bool(np.max(values) >= times * np.min(values))


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG.

    Drawn once: `Figure.savefig` draws twice, and what lays the panels out runs each time.
    """
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    with styled():  # ticks are made when they are drawn
        canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]  # the paper is white
    with atomic_write(path) as file:
        imsave(file, pixels, format="png", dpi=DPI, metadata={"Software": None}, pil_kwargs={"compress_level": 1})  # type: ignore[dict-item]
