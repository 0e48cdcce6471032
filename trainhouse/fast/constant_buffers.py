"""Keeps the ranks of DDP from sending one another buffers that training never changes."""

from collections.abc import Iterable

from torch import nn
from torch.nn.parallel import DistributedDataParallel


def exchange_no(names: Iterable[str], module: nn.Module) -> None:
    """Leave the buffers of these names as each rank has them; to be called before `module` is wrapped."""
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(module, list(names))
