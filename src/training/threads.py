"""How many threads one operation of torch uses on the CPU."""

import torch

from src.utils.cores import available_cores

_OF_TORCH = torch.get_num_threads()


def set_threads(threads: int | None) -> None:
    """Use `threads` threads; None: as many as the machine lets this process have.

    torch itself counts the cores of the machine, also in a container that may use two of them only.
    """
    torch.set_num_threads(threads or min(_OF_TORCH, available_cores()))
