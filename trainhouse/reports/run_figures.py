"""Saves a figure."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imsave

from trainhouse.machine.files import atomic_write


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
