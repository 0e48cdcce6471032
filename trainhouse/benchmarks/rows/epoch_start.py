"""The beginning of an epoch over more rows than a permutation of them would fit in memory."""

import itertools

import numpy as np
import torch

from trainhouse.arrays.batches import Batches
from trainhouse.arrays.spec import Rows
from trainhouse.benchmarks.lab import Lab
from trainhouse.benchmarks.measuring import Samples, row, timed

ROWS = 10**9
SHUFFLED = 10**7  # what the yardstick shuffles
SCALE = ROWS // SHUFFLED


@row("s", "of the speed of torch.randperm")
def epoch_start_1e9(lab: Lab) -> Samples:
    """Seconds until `Batches` knows the row numbers of the first batch of an epoch over 10^9 rows: it computes those
    of 64 batches of 128 at once. All rows are served, as when splits are files of their own; a split by fractions
    also keeps an array of 8 bytes a row. Yardstick: the seconds of torch.randperm(10^7), times 100.
    """
    batches, epochs = _batches(), itertools.count()
    samples = timed(lab.repeats, lambda: batches.row_numbers(next(epochs), 0), lambda: torch.randperm(SHUFFLED))
    return Samples(samples.ours, [seconds * SCALE for seconds in samples.yardstick], "yardstick: 10^7 rows, times 100")


def _batches() -> Batches:
    """Serve 10^9 rows that are all one and the same number in memory."""
    x, y = np.broadcast_to(np.float32(0), (ROWS, 1)), np.broadcast_to(np.int64(0), ROWS)
    return Batches(Rows(x, y), None, batch_size=128, shuffle_seed=0)
