"""How many threads one operation of torch uses on the CPU."""

import os
from typing import Any

import torch
from torch import Tensor, nn

from trainhouse.arrays.batches import Batches
from trainhouse.configuration.errors import UserError
from trainhouse.machine.cores import available_cores

_MOST_PER_CORE = 8
_OF_TORCH = torch.get_num_threads()
# Floating-point operations of a forward pass below which a second thread gains nothing: measured on two cores, networks
# of 0.3 to 21 million took 0.92 to 1.03 of the time, one of 42 million 0.93, one of 69 million 0.57.
_SMALL_STEP = 50e6


def set_threads(threads: int | None) -> None:
    """Use `threads` threads; None: as many as the machine lets this process have.

    torch itself counts the cores of the machine, also in a container that may use two of them only. Raises `UserError`
    for so many that they would hold each other up, or that the system would not start.
    """
    cores = os.cpu_count() or 1
    if threads is not None and threads > _MOST_PER_CORE * cores:
        raise UserError(
            f"threads: {threads} would keep each other from working on {cores} cores; "
            f"give at most {_MOST_PER_CORE * cores}, or threads=null"
        )
    torch.set_num_threads(threads or min(_OF_TORCH, available_cores()))


def spare_threads(module: nn.Module, batches: Batches) -> None:
    """Use one thread only if a training step is so small that more would gain nothing.

    Threads of several runs on one machine wait for one another, and most of all in small steps: two runs side by
    side that use one thread each are not slowed down. Depends on the network and the batch size alone, so that a run
    rounds alike every time.
    """
    x, _ = batches[0, 0]
    if operations(module, x[:1]) * batches.batch_size < _SMALL_STEP:
        torch.set_num_threads(1)


def operations(module: nn.Module, x: Tensor) -> float:
    """Return roughly how many floating-point operations a forward pass of `x` takes: two for each use of a weight."""
    counted = 0.0

    def count(part: nn.Module, inputs: Any, output: Any) -> None:
        nonlocal counted
        first = output[0] if isinstance(output, tuple) else output
        if isinstance(first, Tensor):
            weights = [weight for weight in part.parameters(recurse=False) if weight.ndim > 1]
            counted += sum(2 * weight.numel() * first.numel() / weight.shape[0] for weight in weights)

    hooks = [part.register_forward_hook(count) for part in module.modules()]
    modes = {part: part.training for part in module.modules()}  # a part may be frozen
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            module.eval()(x)
    finally:
        for part, mode in modes.items():
            part.training = mode
        for hook in hooks:
            hook.remove()
    return counted
