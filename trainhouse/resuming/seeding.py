"""Randomness without a state: every draw is a function of a key, such as (seed, "step", epoch, batch, rank)."""

import random

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
