"""Batches of arrays that worker processes make."""

import signal
from typing import Any

from torch.utils.data import DataLoader, Sampler

from trainhouse.arrays.batches import Batch, Batches


def worker_loader(batches: Batches, workers: int, timeout: float) -> DataLoader[Batch]:
    """Return a loader of `batches`; a worker that gives none for `timeout` seconds is an error, 0 for none."""
    return DataLoader(
        batches,  # type: ignore[arg-type]  # a map from (epoch, batch), which DataLoader takes as a data set
        batch_size=None,
        sampler=_Keys(batches),
        num_workers=workers,
        timeout=timeout,
        persistent_workers=True,
        worker_init_fn=_leave_signals_to_the_main_process,
    )


class _Keys(Sampler[tuple[int, int]]):
    """Tells a DataLoader's workers which batches are next."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __iter__(self) -> Any:
        return self.batches.keys()

    def __len__(self) -> int:
        return len(self.batches)


def _leave_signals_to_the_main_process(worker_id: int) -> None:
    """A signal to the process group reaches workers too; the main process alone decides when they end."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
