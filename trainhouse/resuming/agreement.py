"""The batch after which all ranks stop: each of them has to know of a signal that one of them has received."""

import time

import lightning as L
import torch

_EVERY = 0.2  # seconds between two times that ranks ask one another
_MOST = 64  # batches between two of them: less than 2 % of the time of even the shortest step


class Agreement:
    """Asks all ranks for a number, after as many batches as they have agreed on, which are the same on each."""

    def __init__(self) -> None:
        self._every, self._left, self._asked_at = 1, 1, time.monotonic()

    def begin(self) -> None:
        """Begin with batches that may take another time."""
        self._every = self._left = 1
        self._asked_at = time.monotonic()

    def after_batch(self, trainer: L.Trainer, own: int) -> int:
        """Return the largest number of any rank if it is time to ask, else 0; a collective now and then."""
        self._left -= 1
        if self._left > 0:
            return 0
        return self.ask(trainer, own)

    def ask(self, trainer: L.Trainer, own: int) -> int:
        """Return the largest number of any rank; a collective."""
        now = time.monotonic()
        of_batch = max((now - self._asked_at) / self._every, 1e-6)
        wish = max(1, min(_MOST, 2 * self._every, int(_EVERY / of_batch)))
        asked = torch.tensor([own, -wish], device=trainer.strategy.root_device)
        torch.distributed.all_reduce(asked, torch.distributed.ReduceOp.MAX)
        largest, least_wish = asked.tolist()
        self._every = self._left = -least_wish
        self._asked_at = time.monotonic()
        return int(largest)
