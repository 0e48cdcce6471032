"""Trains as one of the ranks of a run: python -m trainhouse.benchmarks.started.rank <folder> <arguments of train.py>

Its place among them is in the environment. Writes ``rank_<number>.json`` into the folder: lists with a value for each
step, whose times are those of the machine's one clock, in seconds, so that those of all ranks can be compared.
"""

import logging
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch.distributed import GradBucket, is_initialized  # type: ignore[attr-defined]
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook

from trainhouse.arrays.batches import Batches
from trainhouse.benchmarks.composed import composed
from trainhouse.machine.files import write_json
from trainhouse.training.build import build_callbacks, build_trainer
from trainhouse.training.build_data import build_data
from trainhouse.training.build_module import build_module
from trainhouse.training.data_card import card_of
from trainhouse.training.threads import set_threads


class Watch(L.Callback):
    """Notes when each step begins, when its last gradients are ready, and when they have come back from all ranks.

    Gradients are exchanged a bucket at a time while others are still computed: only what is left behind the last one
    takes time of its own.
    """

    def __init__(self) -> None:
        self.began: list[float] = []
        self.fetched: list[float] = []
        self.ready: list[float] = []
        self.back: list[float] = []
        self.bytes: list[int] = []

    def fetch(self, batches: Batches, key: tuple[int, int], inner: Any) -> Any:
        """Fetch a batch, and add the seconds to those of the step it is fetched in, which is the one before its own."""
        started = time.perf_counter()
        batch = inner(batches, key)
        if self.fetched:
            self.fetched[-1] += time.perf_counter() - started
        return batch

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Watch what the ranks exchange."""
        if is_initialized():
            trainer.strategy.model.register_comm_hook(self, _exchange)  # type: ignore[union-attr, operator]

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Begin a step."""
        now = time.perf_counter()
        self.began.append(now)
        for each, value in ((self.fetched, 0.0), (self.ready, now), (self.back, now)):
            each.append(value)
        self.bytes.append(0)


def _exchange(watch: Watch, bucket: GradBucket) -> torch.futures.Future[torch.Tensor]:
    buffer = bucket.buffer()
    watch.bytes[-1] += buffer.numel() * buffer.element_size()
    watch.ready[-1] = time.perf_counter()
    step = len(watch.back) - 1

    def note(done: torch.futures.Future[torch.Tensor]) -> torch.Tensor:
        watch.back[step] = time.perf_counter()
        return done.value()

    return allreduce_hook(None, bucket).then(note)  # type: ignore[arg-type]  # of all ranks


def main(folder: Path, arguments: list[str]) -> None:
    """Train, and write what was seen."""
    warnings.simplefilter("ignore")
    logging.getLogger().setLevel(logging.ERROR)
    settings = composed("train", "callbacks=none", "logger=none", *arguments)
    set_threads(settings.threads)
    data = build_data(settings.data, settings.seed)
    card = card_of(data, settings.seed)
    module, settings = build_module(settings, data, card)
    watch, inner = Watch(), Batches.__getitem__
    Batches.__getitem__ = lambda batches, key: watch.fetch(batches, key, inner)  # type: ignore[method-assign]
    rank = int(os.environ.get("LOCAL_RANK", "0"))
    callbacks = [*build_callbacks(settings, folder / f"run_{rank}", data, card, {}), watch]
    build_trainer(settings.trainer, folder / f"run_{rank}", callbacks, []).fit(module, datamodule=data)
    names = ("began", "fetched", "ready", "back", "bytes")
    write_json(folder / f"rank_{rank}.json", {name: getattr(watch, name) for name in names})


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
