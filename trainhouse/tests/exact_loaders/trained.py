"""A training that can be stopped and resumed, of a loader alone."""

import random
from typing import Any, ClassVar

import numpy as np
import torch

from trainhouse.resuming.digest import digest
from trainhouse.resuming.exact_loaders import exact
from trainhouse.resuming.passes import Passes, Place


class Run:
    """A training that draws by itself between batches, as it wants."""

    begun: ClassVar[list["Run"]] = []

    def __init__(self, loader: Any, **options: Any) -> None:
        self.epoch = 0
        self.passes = Passes(loader, (0, "train", 0), rank=0, epoch=lambda: self.epoch, **options)
        self.said: list[str] = []
        self.passes.differs = self.said.append
        self.loader = exact(loader, self.passes)
        self.given: list[list[str]] = []
        self.begun.append(self)

    def train(self, epochs: int = 3) -> list[list[str]]:
        while self.epoch < epochs:
            self.given.append([])
            for batch in self.loader:
                self.given[-1].append(digest(batch))
                random.random(), torch.rand(3), np.random.rand()
            self.epoch += 1
        return self.given

    def train_until(self, epoch: int, batch: int) -> Place:
        """Return the place at which a run was killed, as a checkpoint has it."""
        self.train(epoch)
        batches = iter(self.loader)
        for _ in range(batch):
            next(batches)
        return Place(epoch, batch, **self.passes.state(epoch, batch))

    def resume(self, place: Place) -> list[list[str]]:
        self.passes.place, self.epoch = place, place.epoch
        return self.train()
