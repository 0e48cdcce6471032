"""Lets torch's threads leave the cores to another training for as long as it is at work on them.

A thread that waits for another one spins for a millisecond, to continue at once; on cores that are shared it keeps the
one that it waits for from working. libgomp's threads spin 300 times less as soon as there are more of them than cores
(its manual, GOMP_SPINCOUNT): a second pool of threads, which does nothing, brings that about, and can be taken away
again. Numbers don't depend on it. Other libraries of threads than libgomp are left as they are.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

_SECONDS = 1.0  # between two looks
_PARALLEL = 1_000_000  # numbers, which no operation leaves to one thread


@contextmanager
def giving_way(is_beside_another: Callable[[], bool]) -> Iterator[None]:
    """Within the block, spin less while there is another training."""
    over = threading.Event()
    watching = threading.Thread(target=_watch, args=(is_beside_another, over), name="cores", daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()


def _watch(is_beside_another: Callable[[], bool], over: threading.Event) -> None:
    while not over.wait(_SECONDS):
        if is_beside_another():
            pool = threading.Thread(target=_hold_pool, args=(is_beside_another, over), name="cores-pool", daemon=True)
            pool.start()
            pool.join()


def _hold_pool(is_beside_another: Callable[[], bool], over: threading.Event) -> None:
    """Have a pool of threads, which ends with this one, until there is no other training."""
    torch.ones(_PARALLEL).exp_()
    while not over.wait(_SECONDS) and is_beside_another():
        pass
