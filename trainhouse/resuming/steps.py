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
Lightning has another one than for the loader ``alone``; "" where others could not find out which rows come next. Behind
``several`` stand the seed, whether it shuffles (1 or 0) and drops rows, of torch's sampler for several ranks."""


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
        return rows, _order_of_several(sampler)
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
    if order.startswith("several"):
        sampler = _as_several_have_it(sampler, loader.dataset, order)
    elif order == "alone" and type(sampler) is DistributedSampler:
        whole: Any = RandomSampler(loader.dataset) if sampler.shuffle else SequentialSampler(loader.dataset)
        sampler = _InTurns(whole, num_replicas=sampler.num_replicas, rank=sampler.rank, shuffle=False)
    new = copy.copy(loader)
    batches = BatchSampler(sampler, rows // ranks, batches.drop_last)
    vars(new).update({"batch_sampler": batches, "sampler": sampler, "batch_size": rows // ranks})
    return new


def _order_of_several(sampler: DistributedSampler[Any]) -> str:
    if isinstance(sampler, _InTurns):
        return "alone"
    if type(sampler) is DistributedSampler:  # Lightning's, or the user's, who may have given it a seed of its own
        return f"several {sampler.seed} {int(sampler.shuffle)} {int(sampler.drop_last)}"
    return "several" if type(sampler) is DistributedSamplerWrapper else ""


def _as_several_have_it(sampler: Any, data: Any, order: str) -> Any:
    """Return a sampler with the order that ranks have which share out rows by torch's or Lightning's sampler."""
    is_shared = isinstance(sampler, DistributedSampler)
    if is_shared and order in ("several", _order_of_several(sampler)):
        return sampler
    options: Any = {"num_replicas": sampler.num_replicas if is_shared else 1, "rank": sampler.rank if is_shared else 0}
    if values := order.split()[1:]:
        seed, shuffle, drop_last = map(int, values)
        return DistributedSampler(data, **options, seed=seed, shuffle=bool(shuffle), drop_last=bool(drop_last))
    options |= {"seed": int(os.environ.get("PL_GLOBAL_SEED", "0")), "shuffle": isinstance(sampler, RandomSampler)}
    if isinstance(sampler, (RandomSampler, SequentialSampler)):
        return DistributedSampler(data, **options)  # as versions have it that noted no seed
    return DistributedSamplerWrapper(sampler, **options)
