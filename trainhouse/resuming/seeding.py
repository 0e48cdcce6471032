"""Randomness without a state: every draw is a function of a key, such as (seed, "step", epoch, batch, rank)."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from trainhouse.arrays.order import mix


def reseed(*key: object) -> None:
    """Seed torch, numpy and `random` with a function of `key`.

    torch's CPU generator is seeded by itself, 1 us; `torch.manual_seed` takes 100 us, as it looks for
    every kind of device.
    """
    seed = mix(*key)
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


@contextmanager
def random_states_kept(devices: Sequence[int] | None = None) -> Iterator[None]:
    """Let no draw in the block change one after it: of torch, on the CPU and `devices` (None: all), numpy or Python."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)
