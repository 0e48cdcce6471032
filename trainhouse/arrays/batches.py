"""Whole batches, each fetched by one indexing call, in an order that is a function of (seed, epoch).

There is no state but a cursor: where training stands. A checkpoint saves it, and a run that is resumed
there sees the batches that an uninterrupted run would have seen, with any number of workers.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainhouse.arrays.blocks import Windows
from trainhouse.arrays.order import Permutation, mix
from trainhouse.arrays.placement import OnDevice, in_file
from trainhouse.arrays.precision import served_dtype
from trainhouse.arrays.spec import Rows
from trainhouse.configuration.errors import UserError

Batch = tuple[Tensor, ...]
"""Features and labels; and, where the data has them, the rows' weights (B,)."""
_CHUNK = 64  # batches whose order is computed in one go: numpy's cost per call vanishes


@dataclass
class Cursor:
    """The next batch to train on: `batch` batches of `epoch` are done."""

    epoch: int = 0
    batch: int = 0
    rows: int | None = None
    """The rows of an epoch of all ranks together, if decided already: another number of ranks may have begun."""


class Batches:
    """An iterable over the batches (x, y) of one split, and a map from (epoch, batch) to that batch.

    x is (B, *input_shape), uint8, float32, or float64 of `wide` rows; y is (B,) int64 or (B, T). The last batch
    of an epoch may be smaller; a shuffled one of a single row is left out, since batch normalisation can't
    train on it, and it is another row each epoch. With several ranks each one gets an equal share of the training
    rows, and up to `world_size` - 1 rows of an epoch are left out; other splits are served as `EveryRow` does.
    """

    def __init__(
        self,
        rows: Rows,
        indices: np.ndarray | None,
        batch_size: int,
        shuffle_seed: int | None = None,
        cursor: Cursor | None = None,
        rank: int = 0,
        world_size: int = 1,
        blocks: tuple[int, int] | None = None,
        wide: bool = False,
        weights: np.ndarray | None = None,
    ) -> None:
        """Serve the rows numbered `indices` (None: all), shuffled again each epoch if there is a seed.

        With `blocks`, the number of rows of a block and of blocks of a window, shuffled as `BlockOrder` does.
        With `weights` (N,) of all `rows` a batch has those of its rows, float32, as a third element.
        """
        self.rows = rows
        self.weights = None if weights is None else weights.astype(np.float32)
        self.indices = indices
        self.batch_size = batch_size
        self.shuffle_seed = shuffle_seed
        self.cursor = cursor or Cursor()
        self.rank = rank
        self.world_size = world_size
        self.dtype = served_dtype(rows.x.dtype, wide)
        self.row_count = (self.cursor.rows or (len(rows.y) if indices is None else len(indices))) // world_size
        self._chunk: tuple[int, int, np.ndarray] | None = None
        self._windows = None
        if blocks and shuffle_seed is not None:
            self._windows = Windows(rows.x, indices, *blocks, shuffle_seed)

    def narrow(self) -> None:
        """Serve nothing wider than float32."""
        if self.dtype == np.float64:
            self.dtype = np.dtype(np.float32)
        if self.rows.y.dtype == np.float64:
            self.rows = self.rows._replace(y=self.rows.y.astype(np.float32))

    def __len__(self) -> int:
        whole, rest = divmod(self.row_count, self.batch_size)
        return whole + (rest > 0 and not (rest == 1 and whole > 0 and self.shuffle_seed is not None))

    @property
    def trained_rows(self) -> int:
        """The rows of an epoch of all ranks, without those that are left out."""
        return min(self.row_count, len(self) * self.batch_size) * self.world_size

    def __iter__(self) -> Iterator[Batch]:
        for key in self.keys():
            yield self[key]

    def keys(self) -> Iterator[tuple[int, int]]:
        """Yield what is left of the cursor's epoch, as (epoch, batch). The cursor is read when this is called."""
        epoch, start = self.cursor.epoch, self.cursor.batch
        return ((epoch, batch) for batch in range(start, len(self)))

    def __getitem__(self, key: tuple[int, int]) -> Batch:
        if self._windows and in_file(self.rows.x):
            x, indices = self._windows.read(key[0], *self._positions(key[1]))
        else:
            indices = self.row_numbers(*key)
            x = self.rows.x[indices]
        if x.dtype != self.dtype:
            x = x.astype(self.dtype)
        batch = torch.from_numpy(x), torch.from_numpy(self.rows.y[indices])
        return batch if self.weights is None else (*batch, torch.from_numpy(self.weights[indices]))

    def row_numbers(self, epoch: int, batch: int) -> np.ndarray:
        """Return the numbers in `rows` of the rows of one batch."""
        if self._windows:
            return self._windows.numbers(epoch, *self._positions(batch))
        chunk, offset = divmod(batch, _CHUNK)
        if self._chunk is None or self._chunk[:2] != (epoch, chunk):
            self._chunk = (epoch, chunk, self._chunk_rows(epoch, chunk))
        return self._chunk[2][offset * self.batch_size : (offset + 1) * self.batch_size]

    def _positions(self, batch: int) -> tuple[int, int]:
        """Of a batch in block order. Each rank has a stretch of the epoch for itself: it reads no other's windows."""
        first, start = self.rank * self.row_count, batch * self.batch_size
        return first + start, first + min(start + self.batch_size, self.row_count)

    def _chunk_rows(self, epoch: int, chunk: int) -> np.ndarray:
        """The rows of many batches in one go: numpy's cost per call would be felt at each batch."""
        size = _CHUNK * self.batch_size
        return self._rows_at(epoch, np.arange(chunk * size, min((chunk + 1) * size, self.row_count)))

    def _rows_at(self, epoch: int, positions: np.ndarray) -> np.ndarray:
        """Return the rows at positions of this rank's share."""
        positions = positions * self.world_size + self.rank
        if self.shuffle_seed is not None:
            total = len(self.rows.y) if self.indices is None else len(self.indices)
            positions = Permutation(total, mix(self.shuffle_seed, "order", epoch))(positions)
        return positions if self.indices is None else self.indices[positions]


class EveryRow(Batches):
    """Batches in stored order that leave no row out: some ranks may have a row more than others.

    Ranks have equally many batches wherever each of them can have a row: one that is short of a row for the last takes
    it from the batch before. With batches of one row it has a batch less.
    """

    def __init__(self, name: str, *arguments: Any, **named: Any) -> None:
        """Serve the rows of what is called `name`. Raises `UserError` if there are fewer than ranks."""
        super().__init__(*arguments, **named)
        total = len(self.rows.y) if self.indices is None else len(self.indices)
        if total < self.world_size:
            raise UserError(
                f"data.split: {name} has fewer rows ({total}) than there are ranks ({self.world_size}), so one would "
                "have none; use fewer devices, or more rows"
            )
        self.row_count = len(range(self.rank, total, self.world_size))
        self._batches = min(self.row_count, math.ceil(math.ceil(total / self.world_size) / self.batch_size))

    def __len__(self) -> int:
        return self._batches

    def row_numbers(self, epoch: int, batch: int) -> np.ndarray:
        """Return the numbers in `rows` of the rows of one batch."""
        end, short = self.row_count, self.row_count <= (len(self) - 1) * self.batch_size
        if not short or batch < len(self) - 2:
            return super().row_numbers(epoch, batch)
        first = (len(self) - 2) * self.batch_size
        positions = np.arange(first, end - 1) if batch == len(self) - 2 else np.arange(end - 1, end)
        return self._rows_at(epoch, positions)


class DeviceBatches:
    """The same batches, gathered on the device that holds the rows: only row numbers go there."""

    def __init__(self, batches: Batches, rows: OnDevice) -> None:
        self.batches = batches
        self.rows = rows
        weights = batches.weights
        self.weights = None if weights is None else torch.tensor(weights, device=rows.x.device)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        keys = self.batches.keys()
        while chunk := list(islice(keys, _CHUNK)):
            each = [self.batches.row_numbers(*key) for key in chunk]
            numbers = torch.from_numpy(np.concatenate(each)).to(self.rows.x.device)
            for part in numbers.split([len(one) for one in each]):
                x, y = self.rows[part]
                yield (x, y) if self.weights is None else (x, y, self.weights[part])
