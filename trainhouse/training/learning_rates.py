"""What a search over learning rates says: at which the loss falls fastest, and a picture of it."""

from pathlib import Path

import numpy as np

from trainhouse.figures.about import About
from trainhouse.figures.style import BLUE, VERMILION, entitle, in_style, panel, save

_SKIPPED = 10  # first steps, of which the mean is of few losses
_SHARE = 0.02  # of the loss: how much it has to fall over a tenfold rate


def steepest_fall(rates: np.ndarray, losses: np.ndarray) -> int | None:
    """Return the place at which `losses` (N,) fall fastest as the logarithm of `rates` (N,) rises; None if they don't.

    What comes after the least loss is left out, as are losses that are not finite.
    """
    finite = np.isfinite(losses)
    end = int(np.argmin(np.where(finite, losses, np.inf))) + 1 if finite.any() else 0
    if end < _SKIPPED + 5 or not finite[:end].all():
        return None
    smooth = np.convolve(np.pad(losses[:end], 2, mode="edge"), np.ones(5) / 5, mode="valid")
    slopes = np.gradient(smooth, np.log10(rates[:end]))[_SKIPPED:]
    place = int(np.argmin(slopes))
    return place + _SKIPPED if slopes[place] < -_SHARE * abs(smooth[_SKIPPED]) else None


def without_bias(losses: np.ndarray, beta: float = 0.98) -> np.ndarray:
    """Return Lightning's running means (N,) of the loss with the weights of their steps summing to 1.

    It divides by 1 - beta^(n + 1) after n steps, so that the first ones are half of what they should be.
    """
    steps = np.arange(1, len(losses) + 1)
    unbiased: np.ndarray = losses * (1 - beta ** (steps + 1)) / (1 - beta**steps)
    return unbiased


@in_style
def draw_search(rates: np.ndarray, losses: np.ndarray, place: int, path: Path, about: About) -> None:
    """Draw the loss over the rate, and which one was taken."""
    figure, axes = panel()
    axes.plot(rates, losses, color=BLUE)
    axes.plot(rates[place], losses[place], "o", color=VERMILION, label=f"taken: {rates[place]:.2g}")
    axes.set(xscale="log", xlabel="learning rate", ylabel="loss, running mean over steps")
    inside = losses[_SKIPPED : place + 1]
    axes.set_ylim(top=float(np.nanmax(inside)) * 1.25)
    axes.legend()
    entitle(
        figure,
        "Loss while the learning rate rises",
        about,
        f"{len(rates)} steps of training; the loss falls fastest at the point",
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    save(figure, path)
