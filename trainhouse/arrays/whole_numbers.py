"""Whole numbers beyond 2^53, not all of which float64 has: what tells them apart would be lost without a word."""

import numpy as np

from trainhouse.arrays.moments import FAR, chunks, is_far
from trainhouse.configuration.errors import UserError

EXACT = 2.0**53
_FAR = FAR * 2.0**29  # deviations from 0 to the mean, from where float64 costs as much as float32 does from `FAR` on


def refuse_too_large(whole: np.ndarray, what: str, way: str = "") -> None:
    """Raise `UserError` if float64 would round away what tells whole numbers (N,) apart.

    They are int64, uint64 or Python's own. `way` says what else can be done than to subtract.
    """
    if whole.dtype.itemsize < 8 or not len(whole):
        return
    least, most = whole.min(), whole.max()
    if max(-float(least), float(most)) <= EXACT or float(most) - float(least) > EXACT:
        return  # numbers that far apart are not that far from 0, counted in their deviations
    offsets = (whole - least).astype(np.float64)
    is_close = is_far(float(least) + offsets.mean(), offsets.std(), _FAR)
    if is_close and len(np.unique(whole.astype(np.float64))) < len(np.unique(offsets)):
        raise UserError(
            f"{what} holds whole numbers beyond 2^53 that float64 can't tell apart; subtract {least} from each{way}"
        )


def refuse_too_large_in_rows(x: np.ndarray, axis: int | None, source: str) -> None:
    """Do so for the channels of rows (N, ...), which lie along an axis of a row; None: for all as one."""
    if x.dtype.kind not in "iu" or x.dtype.itemsize < 8:
        return
    if all(max(-float(chunk.min()), float(chunk.max())) <= EXACT for _, chunk in chunks(x)):
        return
    for place, channel in enumerate([x] if axis is None else np.moveaxis(x, axis + 1, 0)):
        refuse_too_large(channel.ravel(), source if axis is None else f"{source}: column {place}")
