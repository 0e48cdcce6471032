"""Numbers for people to read."""

import math


def format_number(value: float, whole: bool = False) -> str:
    """Return a number with the digits that it needs: four decimals, fewer of a large one, more of a tiny one.

    Of a number that counts something, `whole`, at most four digits that are not zero: ``12,340``.
    """
    size = abs(value)
    if whole:
        return f"{float(f'{value:.4g}'):,.0f}" if math.isfinite(value) else str(value)
    if not math.isfinite(value) or size >= 1e9:
        return f"{value:.4g}"
    if 0 < size < 1e-3:
        return f"{value:.4g}"
    decimals = next((decimals for limit, decimals in ((10, 4), (100, 3), (1000, 2), (10000, 1)) if size < limit), 0)
    return f"{value:,.{decimals}f}"


def number(text: str) -> float | None:
    """Return the finite number that a text stands for, as an override's value; None if it is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
