"""A shuffled order for disks that are slow at single rows: whole blocks are read, and shuffled within a window of them.

Each epoch the blocks get a new order, and so do the rows of each window. Both are computed, as all orders are: a
function of (seed, epoch, position). Rows of one block always come in the same window, so an epoch is less of a shuffle
than one of single rows, and no shuffle at all of a file that is sorted in stretches longer than a window.
"""

import numpy as np

from trainhouse.arrays.order import Permutation, mix


class BlockOrder:
    """A bijection on [0, n): blocks of neighbours in any order, the rows of each window of blocks in any order."""

    def __init__(self, n: int, block_rows: int, window_blocks: int, *key: object) -> None:
        """Order the `n` rows by `key`; the last block may have fewer than `block_rows`, and stands anywhere too."""
        block_rows = min(block_rows, max(1, n))
        whole, rest = divmod(n, block_rows)
        self._blocks = whole + (rest > 0)
        self.n, self.block_rows, self._key = n, block_rows, key
        self.window_blocks = min(window_blocks, max(1, self._blocks))
        self._short = mix(*key, "short block") % self._blocks if rest else self._blocks  # where it stands
        self._missing = block_rows - rest if rest else 0
        self._permutation = Permutation(max(1, whole), mix(*key, "blocks"))

    def pieces(self, start: int, stop: int) -> list[tuple[int, int, int]]:
        """Cut positions [start, stop) where windows end: (window, first place in it, the place after the last)."""
        pieces = []
        while start < stop:
            window = start // (self.block_rows * self.window_blocks)
            if start >= self._start_of(window + 1):  # one block before was short
                window += 1
            first, end = self._start_of(window), min(stop, self._start_of(window + 1))
            pieces.append((window, start - first, end - first))
            start = end
        return pieces

    def rows(self, window: int) -> np.ndarray:
        """Return the int64 rows of a window, in their order."""
        places = np.arange(window * self.window_blocks, min((window + 1) * self.window_blocks, self._blocks))
        others = places[places != self._short]
        blocks = self._permutation(others - (others > self._short))
        if len(others) < len(places):
            blocks = np.append(blocks, self._blocks - 1)
        rows = (blocks[:, None] * self.block_rows + np.arange(self.block_rows)).ravel()
        rows = rows[rows < self.n]
        shuffled: np.ndarray = rows[Permutation(len(rows), mix(*self._key, "window", window))(np.arange(len(rows)))]
        return shuffled

    def _start_of(self, window: int) -> int:
        place = window * self.window_blocks
        return min(self.n, place * self.block_rows - (self._missing if place > self._short else 0))


class Windows:
    """Serves rows of an array in block order: a window at a time is in memory, read once, block by block."""

    def __init__(
        self, x: np.ndarray, indices: np.ndarray | None, block_rows: int, window_blocks: int, seed: int
    ) -> None:
        """Serve the rows numbered `indices`, in ascending order (None: all)."""
        self.x, self.indices = x, indices
        self.block_rows, self.window_blocks, self.seed = block_rows, window_blocks, seed
        self._order: tuple[int, BlockOrder] | None = None
        self._at: tuple[int, int] | None = None  # epoch and number of the window that is held
        self._numbers = np.arange(0)
        self._rows: np.ndarray | None = None

    def numbers(self, epoch: int, start: int, stop: int) -> np.ndarray:
        """Return the numbers in `x` of the rows at positions [start, stop) of an epoch, without reading the rows."""
        parts = []
        for window, first, end in self._order_of(epoch).pieces(start, stop):
            self._hold(epoch, window)
            parts.append(self._numbers[first:end])
        return np.concatenate(parts)

    def read(self, epoch: int, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Return copies of the rows at positions [start, stop) of an epoch, and their numbers in `x`."""
        rows, numbers = [], []
        for window, first, end in self._order_of(epoch).pieces(start, stop):
            self._hold(epoch, window)
            if self._rows is None:
                self._rows = self._read_window()
            rows.append(self._rows[first:end].copy())
            numbers.append(self._numbers[first:end])
        return (rows[0], numbers[0]) if len(rows) == 1 else (np.concatenate(rows), np.concatenate(numbers))

    def _order_of(self, epoch: int) -> BlockOrder:
        if self._order is None or self._order[0] != epoch:
            n = len(self.x) if self.indices is None else len(self.indices)
            self._order = epoch, BlockOrder(n, self.block_rows, self.window_blocks, self.seed, "order", epoch)
        return self._order[1]

    def _hold(self, epoch: int, window: int) -> None:
        """Take up a window: neighbouring batches come from the same one, whose order is computed once."""
        if self._at != (epoch, window):
            rows = self._order_of(epoch).rows(window)
            self._numbers = rows if self.indices is None else self.indices[rows]
            self._rows, self._at = None, (epoch, window)

    def _read_window(self) -> np.ndarray:
        """Read the window's rows as they lie in the file, a block at a time, each to its place."""
        places = np.argsort(self._numbers)
        rows = np.empty((len(places), *self.x.shape[1:]), self.x.dtype)
        for start in range(0, len(places), self.block_rows):
            to = places[start : start + self.block_rows]
            numbers = self._numbers[to]
            together = numbers[-1] - numbers[0] == len(numbers) - 1
            rows[to] = self.x[numbers[0] : numbers[-1] + 1] if together else self.x[numbers]
        return rows
