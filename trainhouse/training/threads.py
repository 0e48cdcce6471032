"""How many threads one operation of torch uses on the CPU."""

import logging
import math
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from trainhouse.arrays.batches import Batches
from trainhouse.arrays.datamodule import DataModule
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Train
from trainhouse.configuration.speed import fast
from trainhouse.machine.cores import available_cores, cores_to_use, is_beside_another
from trainhouse.training.build_run import BuiltRun

_log = logging.getLogger(__name__)

_MOST_PER_CORE = 8
_OF_TORCH = torch.get_num_threads()
# Floating-point operations of a forward pass below which more threads may lose more than they gain. On two cores a run
# with two threads had, of its speed with one, 1.15 at 17 million and 1.3 at 60 while the machine did nothing else, but
# 0.72 and 0.87 at other times, when another process, if only the terminal's, took a core now and then.
# Not measured again at the start of each run, nor changed within it: by chance, the same command would round in another
# way. MKL's strict mode (MKL_CBWR=AVX2,STRICT), in which that would not be so, does nothing on processors of AMD.
_SMALL_STEP = 40e6


def set_threads(threads: int | None, shares: bool = False) -> None:
    """Use `threads` threads; None: as many as the machine lets this process have, of which a training `shares` some.

    Only a training keeps the number: what evaluates or predicts must not round in another way because one is at work.

    torch itself counts the cores of the machine, also in a container that may use two of them only. Raises `UserError`
    for so many that they would hold each other up, or that the system would not start.
    """
    cores = os.cpu_count() or 1
    if threads is not None and threads > _MOST_PER_CORE * cores:
        raise UserError(
            f"threads: {threads} would keep each other from working on {cores} cores; "
            f"give at most {_MOST_PER_CORE * cores}, or threads=null"
        )
    if threads is not None and threads > available_cores():
        _log.warning("warning: threads: %d wait for one another on %d cores", threads, available_cores())
    torch.set_num_threads(threads or min(_OF_TORCH, cores_to_use() if shares else available_cores()))


def with_threads_kept(built: BuiltRun, trainer: L.Trainer) -> Train:
    """Choose how many threads a run takes on the CPU if its settings don't say; return settings that do.

    Sums are rounded as they are shared out among threads, and how many there are depends on what else the machine did
    when the run began: so a resume keeps the number, and so does a run that is started from `config.yaml`. A step so
    small that more gain nothing takes one. Several ranks get their numbers from Lightning.
    """
    settings = built.settings
    if settings.threads is not None or trainer.strategy.root_device.type != "cpu":
        return settings
    data, is_small = built.datamodule, False
    if isinstance(data, DataModule) and not built.has_own_module:
        is_small = is_small_step(built.module, data.trial_batches("train"))
    if is_small:
        torch.set_num_threads(1)
    if trainer.world_size > 1:
        return settings
    threads = torch.get_num_threads()
    if not is_small and cores_to_use() < available_cores():
        _log.info("note    threads=%d, kept for all of the run, as another training is at work here\n", threads)
    return settings.with_values({"threads": threads})


def is_small_step(module: nn.Module, batches: Batches) -> bool:
    """Whether a training step is so small that more than one thread would gain nothing."""
    x, *_ = batches[0, 0]
    return operations(module, x[:1]) * batches.batch_size < _SMALL_STEP


def sharing_cores(trainer: L.Trainer) -> AbstractContextManager[None]:
    """Return a block in which several threads on the CPU leave the cores to other trainings while these are there."""
    way = fast("giving_way") if trainer.strategy.root_device.type == "cpu" and torch.get_num_threads() > 1 else None
    return way.giving_way(is_beside_another) if way else nullcontext()


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
