"""How sure a share is."""

import numpy as np

_Z = 1.959964  # of 95 %


def wilson(hits: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the 95 % interval of shares `hits` / `rows` (E. B. Wilson, 1927); 0 and 1 where no row is."""
    n = np.maximum(rows, 1e-12)
    share = hits / n
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    none = rows == 0
    low, high = np.clip(middle - half, 0, share), np.clip(middle + half, share, 1)
    return np.where(none, 0.0, low), np.where(none, 1.0, high)
