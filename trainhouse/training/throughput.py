"""Lightning's `ThroughputMonitor`, which counts the rows of any batch by itself."""

import warnings
from collections.abc import Callable
from typing import Annotated, Any

import lightning as L
from annotated_types import Ge
from lightning.pytorch.callbacks import ThroughputMonitor as LightningThroughputMonitor

from trainhouse.configuration.annotations import Text
from trainhouse.resuming.digest import row_count as row_count  # what conf/callbacks/throughput.yaml names


class ThroughputMonitor(LightningThroughputMonitor):
    """Lightning's own, but it says in time what it needs, and is silent about FLOPs that nobody counts.

    A module that has `flops_per_batch` gets FLOPs per second too.
    """

    def __init__(
        self,
        batch_size_fn: Callable[[Any], int] = row_count,
        length_fn: Callable[[Any], int] | None = None,
        window_size: Annotated[int, Ge(2)] = 100,
        separator: Text = "/",
    ) -> None:
        """Rates are averages over the last `window_size` batches, and begin when there are so many."""
        super().__init__(batch_size_fn, length_fn, window_size=window_size, separator=separator)

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Make one counter for each stage."""
        for of_flops in (".*FLOPs not found for", ".*you need to define a `flops_per_batch`"):
            warnings.filterwarnings("ignore", message=of_flops)
        super().setup(trainer, pl_module, stage)
