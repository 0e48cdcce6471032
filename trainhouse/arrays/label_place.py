"""Rows whose columns have no names: as many as there are features, or as many as the file had that was trained on.

A column too many may be an id in front, a label behind, or anything between: which one is never guessed.
"""

from collections.abc import Iterable, Iterator
from math import prod

import numpy as np

from trainhouse.arrays.spec import DataSpec
from trainhouse.arrays.texts import is_number
from trainhouse.configuration.errors import UserError


def feature_places(width: int, spec: DataSpec, found: str, takes: str = "") -> tuple[int, ...]:
    """Return which of `width` columns are the features: all, or those that were in the rows that were trained on.

    Raises `UserError` for any other number of columns: what was `found`, and what the model `takes` (its row's shape).
    """
    needed = prod(spec.input_shape)
    if width == needed:
        return tuple(range(width))
    if places := whole_row(width, spec):
        return places
    hint = "; which of them is too many is not known: give the features alone" if width == needed + 1 else ""
    raise UserError(f"{found}, the model takes {takes or spec.input_shape}{hint}")


def whole_row(width: int, spec: DataSpec) -> tuple[int, ...]:
    """Return the places of the features in rows that have more, if there are `width` columns in such a row."""
    others = {*spec.label_places, *spec.unused_places}
    if not others or width != prod(spec.input_shape) + len(others):
        return ()
    return tuple(place for place in range(width) if place not in others)


def columns_of(rows: np.ndarray, places: tuple[int, ...]) -> np.ndarray:
    """Return columns of rows (N, width): a view, if they are neighbours."""
    first, last = places[0], places[-1]
    if places == tuple(range(first, last + 1)):
        return rows if len(places) == rows.shape[1] else rows[:, first : last + 1]
    return rows[:, list(places)]


def without_labels(
    batches: Iterable[np.ndarray], shape: tuple[int, ...], spec: DataSpec, source: str
) -> Iterator[np.ndarray]:
    """Yield batches (B, *shape) of an array without the label that it may have beside the features.

    Raises `UserError` at once for rows of another shape, and with the batch concerned for a label that is none.
    """
    if spec.holds(shape):
        return iter(batches)
    found = f"{source.replace(': ', ': rows of ', 1)} have shape {shape}"
    if len(shape) != 1:
        raise UserError(f"{found}, the model takes {spec.input_shape}")
    features = feature_places(shape[0], spec, found)
    return _cut(batches, features, spec, source)


def _cut(batches: Iterable[np.ndarray], features: tuple[int, ...], spec: DataSpec, source: str) -> Iterator[np.ndarray]:
    """Take the labels out, once each was looked at: a feature in their place would shift all others unseen."""
    start = 0
    for batch in batches:
        for place in spec.label_places:
            check_labels(batch[:, place], spec, f"{source}: column {place}", start)
        yield columns_of(batch, features)
        start += len(batch)


def check_labels(labels: np.ndarray, spec: DataSpec, column: str, start: int) -> None:
    """Raise `UserError` for a label that is no class, where the label is expected: it is a feature, or an id.

    A label that is missing is none. Of regression any number may be a label.
    """
    if not spec.classes:
        return
    names = [*spec.classes, ""]
    if labels.dtype.kind in "biuf":
        numbers = [float(name) for name in spec.classes if is_number(name)]
        wrong = ~(np.isin(labels, numbers) | np.isnan(labels.astype(np.float64)))
    else:
        wrong = ~np.isin(labels.astype(str), names)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise UserError(
            f"{column} is where the label was in training, but row {start + row} has {labels[row]!s} there, which is "
            "no class; give the features alone, in their order"
        )
