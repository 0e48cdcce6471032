"""Which rows a model has seen: short names of rows, by which they are known again in another split or another file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from trainhouse.arrays.moments import chunks
from trainhouse.arrays.order import ODD, scrambled
from trainhouse.arrays.precision import served_dtype
from trainhouse.arrays.spec import Rows

# Up to so many rows, and so many bytes of them, all are named; of more a sample, since data may be larger than memory.
_MOST_ROWS, _MOST_BYTES, _SAMPLED_BYTES = 2**18, 256 * 2**20, 64 * 2**20


@dataclass(frozen=True)
class SeenRows:
    """The names of the rows that were trained or validated on, or of some of them, evenly spaced."""

    names: np.ndarray
    """(K,) uint64, sorted."""
    total: int
    """How many rows there are in all."""

    @property
    def is_complete(self) -> bool:
        """Whether every row that was seen is named."""
        return len(self.names) == self.total

    @property
    def repeats(self) -> bool:
        """Whether the rows repeat one another by themselves, so that a new row that is like one of them may be new."""
        return len(np.unique(self.names)) < 0.95 * len(self.names)

    @classmethod
    def of(cls, *splits: "NamedRows") -> "SeenRows":
        """Put the names of several splits together."""
        return cls(np.sort(np.concatenate([one.names for one in splits])), sum(one.total for one in splits))

    def with_those_of(self, earlier: "SeenRows") -> "SeenRows":
        """Return what was seen in all, if training started from weights that had seen `earlier`."""
        more = earlier.names[~self.known(earlier.names)]
        total = self.total + round(earlier.total * len(more) / max(1, len(earlier.names)))
        return SeenRows(np.sort(np.concatenate([self.names, more])), total)

    def known(self, names: np.ndarray) -> np.ndarray:
        """Return for each of `names` (N,) whether it is among those that were seen."""
        return np.isin(names, self.names)

    def to_dict(self) -> dict[str, Any]:
        """Return what a checkpoint can hold."""
        return {"names": torch.from_numpy(self.names.view(np.int64)), "total": self.total}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "SeenRows":
        """Undo `to_dict`. Raises `KeyError` or `TypeError` if `values` was not made by it."""
        if not isinstance(values, Mapping):
            raise TypeError(f"seen_rows is a {type(values).__name__}")
        names, total = values["names"], values["total"]
        is_plain = isinstance(names, torch.Tensor) and names.layout == torch.strided and names.device.type == "cpu"
        if not is_plain or names.dtype != torch.int64 or names.ndim != 1 or type(total) is not int:
            raise TypeError("the names of the rows that were seen are not whole numbers")
        if not len(names) <= total < 2**63:
            raise TypeError(f"seen_rows.total is {total}, of {len(names)} rows that are named")
        return cls(names.contiguous().numpy().view(np.uint64), total)


@dataclass(frozen=True)
class NamedRows:
    """The names of a split's rows, or of some of them, evenly spaced."""

    numbers: np.ndarray
    """(K,) the numbers of the rows that are named, among the rows of their file."""
    names: np.ndarray
    """(K,) uint64."""
    total: int
    """How many rows the split has."""

    @classmethod
    def of(cls, rows: Rows, numbers: np.ndarray | None, wide: bool = False) -> "NamedRows":
        """Name the rows numbered (None: every one), or as many of them as take no time; `wide` as in `row_names`."""
        count = len(rows.x) if numbers is None else len(numbers)
        row_bytes = max(1, rows.x.nbytes // max(1, len(rows.x)))
        if count <= _MOST_ROWS and count * row_bytes <= _MOST_BYTES:
            places = np.arange(count)
        else:
            most = min(count, _MOST_ROWS, max(1024, _SAMPLED_BYTES // row_bytes))
            places = np.linspace(0, count - 1, most).astype(np.int64)
        chosen = places if numbers is None else numbers[places]
        return cls(chosen, row_names(rows.x, chosen, wide), count)


@dataclass(frozen=True)
class Twins:
    """Rows of a split that are identical to rows of another."""

    count: int
    """Among the rows that are named."""
    named: int
    first: tuple[int, int]
    """The numbers of the first of them, and of one that it is identical to."""


def twins(rows: NamedRows, others: NamedRows) -> Twins | None:
    """Return which of `rows` are identical to one of the `others`; None if there are none."""
    _, places, in_others = np.intersect1d(rows.names, others.names, return_indices=True)
    if not len(places):
        return None
    first = int(places.argmin())
    pair = int(rows.numbers[places[first]]), int(others.numbers[in_others[first]])
    return Twins(int(np.isin(rows.names, others.names).sum()), len(rows.names), pair)


def row_names(x: np.ndarray, numbers: np.ndarray, wide: bool = False) -> np.ndarray:
    """Return a name (N,) uint64 for the features of each of the rows numbered; equal rows have equal names.

    They are named as a model gets them, whose rows may be `wide`: the same numbers in another dtype are the same row.
    """
    dtype = served_dtype(x.dtype, wide)
    parts = [_named(np.asarray(rows).astype(dtype, copy=False)) for _, rows in chunks(x, numbers)]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint64)


def _named(rows: np.ndarray) -> np.ndarray:
    """Return sums of the rows' bytes, eight at a time, each mixed with its place; whole numbers wrap around."""
    rows = rows.reshape(len(rows), -1)
    if np.issubdtype(rows.dtype, np.floating):
        rows = np.where(np.isnan(rows), rows.dtype.type(np.nan), rows + rows.dtype.type(0))  # one NaN, and no -0.0
    size = rows.shape[1] * rows.itemsize
    padded = np.zeros((len(rows), -(-size // 8) * 8), np.uint8)
    padded[:, :size] = np.ascontiguousarray(rows).view(np.uint8)
    words = padded.view(np.uint64)
    places = np.arange(1, words.shape[1] + 1, dtype=np.uint64) * ODD
    return np.asarray(scrambled(scrambled(words ^ places).sum(axis=1, dtype=np.uint64)))
