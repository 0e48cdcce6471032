"""Seeds for each test, and an end for its workers."""

import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from trainhouse.tests.exact_loaders.trained import Run


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    yield
    while Run.begun:
        iterator = getattr(Run.begun.pop().loader, "_iterator", None)
        if iterator is not None:  # persistent workers; else the garbage collector waits 5 s for each
            iterator._shutdown_workers()
