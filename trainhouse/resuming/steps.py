"""The rows of a step, and the order in which ranks take them: kept where another number of ranks goes on with a run."""

import copy
import os
from typing import Any

from lightning.fabric.utilities.distributed import DistributedSamplerWrapper
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    DistributedSampler,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

from trainhouse.resuming.passes import has_state
from trainhouse.resuming.shares import samplers_of

_DRAWN_AT_ONCE = (RandomSampler, SequentialSampler, SubsetRandomSampler, WeightedRandomSampler)

Step = tuple[int | None, str]
"""The rows of a step of all ranks, None where nobody knows. And who gave them their order: ``several`` ranks, for which
Lightning has another one than for the loader ``alone``; "" where others could not find out which rows come next."""


class _InTurns(DistributedSamplerWrapper):
    """Gives each rank its share of the order that the loader has alone."""


def step_of(loader: Any, ranks: int) -> Step:
    """Return the step of a training loader of one of the `ranks`."""
    batches, sampler = samplers_of(loader)
    if not isinstance(loader, DataLoader) or type(batches) is not BatchSampler:
        return None, ""
    rows = int(batches.batch_size) * ranks
    if has_state(loader):
        return rows, ""
    if isinstance(sampler, DistributedSampler):
        return rows, "alone" if isinstance(sampler, _InTurns) else "several"
    is_alone = type(sampler) in _DRAWN_AT_ONCE and getattr(sampler, "generator", None) is None
    data: Any = loader.dataset
    draws_others = isinstance(sampler, RandomSampler) and (sampler.replacement or len(sampler) != len(data))
    return rows, "alone" if is_alone and not draws_others else ""


def with_step(loader: Any, step: Step, ranks: int) -> Any:
    """Return a training loader for one of the `ranks` that has the `step` which `step_of` has returned for others.

    One that can't is returned as it is.
    """
    batches, sampler = samplers_of(loader)
    (rows, order), now = step, step_of(loader, ranks)
    if not rows or not now[0] or rows % ranks or step == now:
        return loader
    if order == "several" and not isinstance(sampler, DistributedSampler):
        options: Any = {"num_replicas": 1, "rank": 0, "seed": int(os.environ.get("PL_GLOBAL_SEED", "0"))}
        options["shuffle"] = isinstance(sampler, RandomSampler)
        is_plain = isinstance(sampler, (RandomSampler, SequentialSampler))
        kind: Any = DistributedSampler if is_plain else DistributedSamplerWrapper
        sampler = kind(loader.dataset if is_plain else sampler, **options)
    elif order == "alone" and type(sampler) is DistributedSampler:
        whole: Any = RandomSampler(loader.dataset) if sampler.shuffle else SequentialSampler(loader.dataset)
        sampler = _InTurns(whole, num_replicas=sampler.num_replicas, rank=sampler.rank, shuffle=False)
    new = copy.copy(loader)
    batches = BatchSampler(sampler, rows // ranks, batches.drop_last)
    vars(new).update({"batch_sampler": batches, "sampler": sampler, "batch_size": rows // ranks})
    return new
