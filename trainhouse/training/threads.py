"""How many threads one operation of torch uses on the CPU."""

import math
import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

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


def operations(module: nn.Module, x: Tensor) -> int:
    """Return how many floating-point operations of matrices a forward pass of `x` takes: two for each multiplication.

    torch's own counter counts what is run, whatever the module is made of. It takes 1 ms for a perceptron, 20 ms for
    four layers of attention over 50 places, but a second for a GRU over 1000 of them, as long as a step takes there.
    """
    modes = {part: part.training for part in module.modules()}  # a part may be frozen
    # Attention in its plain form: the counter knows nothing of those that are a single operation on the CPU.
    fastpath = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    layers = {torch.ops.aten.mkldnn_rnn_layer: _of_recurrent_layer}
    try:
        with (
            FlopCounterMode(display=False, custom_mapping=layers) as counter,
            sdpa_kernel(SDPBackend.MATH),
            torch.no_grad(),
            torch.random.fork_rng(devices=[]),
        ):
            module.eval()(x)
    finally:
        torch.backends.mha.set_fastpath_enabled(fastpath)
        for part, mode in modes.items():
            part.training = mode
    return int(counter.get_total_flops())


def _of_recurrent_layer(x: Sequence[int], *weights: Sequence[int], **_: Any) -> int:
    """Return the operations of an LSTM's layer, which on the CPU is one of these, from its arguments' shapes.

    `x` is (T, N, features); the first two of `weights` are those of the input and of the state before.
    """
    return 2 * math.prod(x[:-1]) * sum(map(math.prod, weights[:2]))
