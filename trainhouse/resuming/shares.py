"""The rows of a loader of the user's own, shared out among ranks for evaluation: no rank repeats a row.

Lightning's samplers repeat rows from the start until all shares are equally long, so that ranks can wait for one
another in each step. Training needs that; in validation and test the repeated rows would be counted twice.
"""

import copy
import math
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from typing import Any

import lightning as L
import torch
from torch.utils.data import BatchSampler, DataLoader, DistributedSampler, IterableDataset
from torchmetrics import Metric

from trainhouse.arrays.batches import Batches, DeviceBatches
from trainhouse.configuration.errors import UserError
from trainhouse.resuming import loops
from trainhouse.resuming.gathering import of_all_ranks
from trainhouse.resuming.logged_values import synchronised_in_steps
from trainhouse.resuming.passes import Passes


def without_repeats(loader: Any, name: str) -> Any:
    """Return a copy of a loader that gives this rank its own rows only; loaders that are not shared out as they are.

    The ranks get equally many batches wherever every batch can have a row. Otherwise (batches of one row, a batch
    sampler of the user's own) one rank may have a batch more than another: see `refuse_waiting_in_steps`.
    Raises `UserError` if there are fewer rows than ranks. `name` is the hook's that returned the loader.
    """
    batches, sampler = samplers_of(loader)
    if not isinstance(sampler, DistributedSampler):
        return loader
    rows: Any = sampler.dataset
    if 0 < len(rows) < sampler.num_replicas:
        raise UserError(
            f"data: {name} has fewer rows ({len(rows)}) than there are ranks ({sampler.num_replicas}), so one would "
            "have none; use fewer devices, or more rows"
        )
    share = _Share(sampler)
    shared = copy.copy(loader)
    if batches is None:
        vars(shared)["sampler"] = share
    elif type(batches) is BatchSampler:
        vars(shared)["batch_sampler"] = _EqualBatches(share, batches.batch_size, batches.drop_last)
    else:
        vars(shared)["batch_sampler"] = own = copy.copy(batches)
        own.sampler = share
    return shared


def is_shared_out(loader: Any) -> bool:
    """Whether a sampler gives each rank rows of its own."""
    return isinstance(samplers_of(loader)[1], (DistributedSampler, _Share))


def samplers_of(loader: Any) -> tuple[Any, Any]:
    """Return the batch sampler of a loader, if it has one, and the sampler of its rows."""
    batches = getattr(loader, "batch_sampler", None)
    sampler = getattr(loader, "sampler" if batches is None else "batch_sampler", None)
    return batches, getattr(sampler, "sampler", sampler)


def with_exact_means(reduce: Callable[..., Any]) -> Callable[..., Any]:
    """Return a strategy's `reduce` that takes the mean of whole numbers without rounding it to a whole number.

    Lightning divides the sums that a module logs with ``sync_dist=True`` by the mean of the ranks' numbers of rows,
    rounded down: right only if all ranks have equally many.
    """

    def exactly(tensor: Any, group: Any = None, reduce_op: Any = "mean") -> Any:
        if isinstance(tensor, torch.Tensor) and not tensor.is_floating_point() and reduce_op in ("mean", "avg"):
            tensor = tensor.to(torch.get_default_dtype())
        return reduce(tensor, group=group, reduce_op=reduce_op)

    return exactly


class _Share:
    """The rows of one rank, without those that its sampler repeats at the end."""

    def __init__(self, sampler: DistributedSampler[Any]) -> None:
        self.sampler = sampler

    def __len__(self) -> int:
        rows: Any = self.sampler.dataset
        own = len(range(self.sampler.rank, len(rows), self.sampler.num_replicas))
        return min(own, len(self.sampler))

    def __iter__(self) -> Iterator[Any]:
        return islice(iter(self.sampler), len(self))

    def set_epoch(self, epoch: int) -> None:
        """Pass on what Lightning says before each pass."""
        self.sampler.set_epoch(epoch)


class _EqualBatches:
    """Batches of a share: equally many on each rank, as far as each can have a row."""

    def __init__(self, share: _Share, batch_size: int, drop_last: bool) -> None:
        self.sampler, self.batch_size, self.drop_last = share, batch_size, drop_last
        rows: Any = share.sampler.dataset
        ranks = share.sampler.num_replicas
        self._least, self._most = len(rows) // ranks, math.ceil(len(rows) / ranks)

    def __len__(self) -> int:
        if self.drop_last:
            return self._least // self.batch_size
        return min(len(self.sampler), math.ceil(self._most / self.batch_size))

    def __iter__(self) -> Iterator[list[Any]]:
        rows = list(self.sampler)
        if self.drop_last:
            rows = rows[: len(self) * self.batch_size]
        edges = [round(number * len(rows) / max(len(self), 1)) for number in range(len(self) + 1)]
        return (rows[start:end] for start, end in pairwise(edges))


def batches_of_every_rank(trainer: L.Trainer) -> list[int]:
    """Return the number of batches of each evaluated loader that every rank has for certain; a collective.

    What ranks do together after a batch they may do after those only: in any other, one would wait for ever. It is 0
    for loaders whose length is no more than what somebody says: iterable data, batch samplers of the user's own.
    """
    own = [number if _is_counted(loader) else 0 for loader, number in loops.evaluated_loaders(trainer)]
    return [min(numbers) for numbers in zip(*of_all_ranks(own), strict=True)]


def _is_counted(loader: Any) -> bool:
    """Whether the length of a loader is that of rows which torch, or this project, has put into batches."""
    if not isinstance(loader, DataLoader):
        return isinstance(loader, (Batches, DeviceBatches))
    is_own = type(loader).__len__ is not DataLoader.__len__ or isinstance(loader.dataset, IterableDataset)
    return not is_own and type(loader.batch_sampler) in (type(None), BatchSampler, _EqualBatches)


def refuse_waiting_in_steps(trainer: L.Trainer, passes: Passes) -> Callable[[], None]:
    """Return what is to be called before the second batch of an evaluation on several ranks.

    It raises `UserError` for values for which the ranks wait for one another in every step, if the ranks may have
    unequal numbers of batches: the rank with one more would wait for ever.
    """

    def check() -> None:
        if isinstance(getattr(passes.loader, "batch_sampler", None), _EqualBatches) and passes.loader.batch_size > 1:
            return
        if names := synchronised_in_steps(trainer):
            raise UserError(
                f"model: logs {names[0]} with on_step=True and sync_dist=True, for which ranks wait for one another in "
                "every step of an evaluation, but one may have a batch more than another; log it with on_step=False"
            )
        for name, metric in trainer.lightning_module.named_modules():
            if isinstance(metric, Metric) and metric.dist_sync_on_step:
                raise UserError(
                    f"model: {name} has dist_sync_on_step=True, so ranks wait for one another in every step of an "
                    "evaluation, but one may have a batch more than another; leave it out"
                )

    return check
