"""Splits by what a file says of its rows: whole groups, the past before the future, or as a column has it.

Like `split_rows`, each returns the sorted row numbers of train, val and test.
"""

from collections.abc import Sequence

import numpy as np

from trainhouse.arrays.split import SPLITS
from trainhouse.configuration.errors import UserError

_GREEDY = 20_000  # groups up to which each is put where it fits best: 20 us a group
Parts = dict[str, np.ndarray]


def split_groups(
    y: np.ndarray,
    groups: np.ndarray,
    fractions: Sequence[float],
    seed: int,
    fold: int | None = None,
    folds: int = 5,
    key: str = "data.group_column",
) -> Parts:
    """Split rows so that no group is on two sides; rows and classes are as proportional as whole groups allow.

    `y` is (N,) classes or (N, T) targets, `groups` (N,) any numbers; the others are those of `split_rows`. The test
    rows are the same without folds and with them. Raises `UserError` if there are too few groups.
    """
    _, code = np.unique(groups, return_inverse=True)
    sizes = _sizes(y, code)
    random = np.random.RandomState(seed)
    train, val, test = fractions
    side = _shared_out(sizes, [train + val, test], random, key)
    rest = np.flatnonzero(side == 0)
    if fold is None:
        inner = _shared_out(sizes[rest], [train, val], random, key)
        place = np.where(side == 1, 2, 0)
        place[rest] = inner
    else:
        inner = _shared_out(sizes[rest], [1] * folds, random, "data.folds")
        place = np.where(side == 1, 2, 0)
        place[rest] = inner == fold
    of_row = place[code]
    return {name: np.flatnonzero(of_row == number) for number, name in enumerate(SPLITS)}


def _sizes(y: np.ndarray, code: np.ndarray) -> np.ndarray:
    """Return the rows of each class in each group (G, C); of targets the rows of each group (G, 1)."""
    count = int(code.max()) + 1
    if y.ndim > 1:
        return np.bincount(code, minlength=count)[:, None].astype(np.float64)
    classes = int(y.max()) + 1
    counts = np.bincount(code.astype(np.int64) * classes + y, minlength=count * classes)
    return counts.reshape(count, classes).astype(np.float64)


def _shared_out(sizes: np.ndarray, fractions: Sequence[float], random: np.random.RandomState, key: str) -> np.ndarray:
    """Return for each group (G, C) the number of the part that it is in; a fraction of 0 gets none.

    The largest groups come first, each into the part that it brings nearest to its share of every class. Very many
    groups, which are small beside the parts, are shared out as rows are.
    """
    wanted = np.array(fractions, np.float64) / sum(fractions)
    parts = np.flatnonzero(wanted > 0)
    if len(sizes) < len(parts):
        raise UserError(f"{key}: {len(sizes)} groups are too few for {len(parts)} parts, of which each needs one")
    order = random.permutation(len(sizes))
    place = np.zeros(len(sizes), np.int64)
    if len(parts) == 1:
        place[:] = parts[0]
        return place
    totals = sizes.sum(axis=0)
    if len(sizes) > _GREEDY:
        order = order[np.argsort(sizes[order].argmax(axis=1), kind="stable")]  # by the most frequent class
        order = order[np.argsort(_even_places(sizes[order].argmax(axis=1)), kind="stable")]
        rows = sizes[order].sum(axis=1)
        middle = (np.cumsum(rows) - rows / 2) / rows.sum()
        place[order] = np.searchsorted(np.cumsum(wanted)[:-1], middle, side="right")
        return place
    order = order[np.argsort(-sizes[order].sum(axis=1), kind="stable")]
    share = wanted[parts, None]
    weights = 1 / np.maximum(totals, 1)
    filled, empty = np.zeros((len(parts), sizes.shape[1])), len(parts)
    for done, group in enumerate(order):
        new = sizes[group]
        change = ((2 * (filled - share * totals) + new) * new * weights / share).sum(axis=1)
        if empty == len(order) - done:  # each of the last goes where there is none yet
            change[filled.any(axis=1)] = np.inf
        best = int(change.argmin())
        empty -= not filled[best].any()
        filled[best] += new
        place[group] = parts[best]
    return place


def _even_places(classes: np.ndarray) -> np.ndarray:
    """Return places in [0, 1) for sorted `classes` (G,) at which each class is spread evenly."""
    counts = np.bincount(classes)
    rank = np.arange(len(classes)) - np.repeat(np.cumsum(counts) - counts, counts)
    places: np.ndarray = (rank + 0.5) / np.repeat(counts, counts)
    return places


def split_times(
    times: np.ndarray,
    fractions: Sequence[float],
    fold: int | None = None,
    folds: int = 5,
    key: str = "data.time_column",
) -> Parts:
    """Split rows by their `times` (N,): the past trains, what follows validates, the future tests.

    Rows of one time stay together. With a `fold` the rows before the test rows are cut into `folds` + 1 stretches:
    those up to number `fold` train and the next one validates, so that the window expands from fold to fold; later rows
    are in no split. Raises `UserError` if a split would be empty.
    """
    order = np.argsort(times, kind="stable")
    in_order = times[order]
    total = len(times)
    ends = np.cumsum(fractions)
    test = _edge(in_order, ends[1] * total)
    if fold is None:
        first, last = _edge(in_order, ends[0] * total), test
        missing = [part for part, fraction in zip(SPLITS, fractions, strict=True) if fraction > 0]
    else:
        first, last = (_edge(in_order, test * part / (folds + 1)) for part in (fold + 1, fold + 2))
        missing = ["train", "val", *(["test"] if fractions[2] > 0 else [])]
    stretches = {"train": order[:first], "val": order[first:last], "test": order[test:]}
    if empty := [part for part in missing if not len(stretches[part])]:
        different = len(np.unique(in_order))
        raise UserError(
            f"{key}: {different} different times in {total} rows leave none for the {empty[0]} split, as rows of one "
            "time stay together; use larger fractions of data.split, or fewer data.folds"
        )
    return {name: np.sort(rows) for name, rows in stretches.items()}


def _edge(in_order: np.ndarray, wanted: float) -> int:
    """Return the place nearest to the one `wanted` at which another time begins, in sorted times."""
    place = min(round(float(wanted)), len(in_order))
    if place in (0, len(in_order)):
        return place
    low, high = (int(np.searchsorted(in_order, in_order[place], side)) for side in ("left", "right"))
    return low if place - low <= high - place else high
