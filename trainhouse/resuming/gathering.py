"""What all ranks have, for each of them to know."""

from datetime import timedelta
from typing import Any

import lightning as L
import torch
from lightning.pytorch.strategies import DDPStrategy, ModelParallelStrategy


def of_all_ranks(what: Any) -> list[Any]:
    """Return what each rank has; a collective."""
    gathered: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(gathered, what)
    return gathered


def of_any_rank(names: list[str]) -> list[str]:
    """Return the names that any rank has, in the same order on each; a collective."""
    return sorted({name for part in of_all_ranks(names) for name in part})  # a set has another order in each process


def limit_waiting(trainer: L.Trainer, seconds: float, strategy: Any) -> None:
    """Have ranks wait for one another no longer than that; a strategy that is named with its arguments may say it."""
    says_it = not isinstance(strategy, str) and strategy.get("timeout") is not None
    if isinstance(trainer.strategy, (DDPStrategy, ModelParallelStrategy)) and not says_it:
        trainer.strategy._timeout = timedelta(seconds=seconds)
