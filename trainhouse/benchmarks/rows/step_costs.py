"""What safety costs: the guard at every step, the preflight once."""

import random
import time
from pathlib import Path
from statistics import median
from typing import Any

import lightning as L
from torch import Tensor
from torch.optim import Optimizer

from trainhouse.benchmarks.composed import composed
from trainhouse.benchmarks.lab import Lab, perceptron
from trainhouse.benchmarks.measuring import Samples, row, timed
from trainhouse.training.build import build_callbacks, build_trainer
from trainhouse.training.build_data import build_data
from trainhouse.training.build_module import build_module
from trainhouse.training.data_card import card_of
from trainhouse.training.non_finite import NonFiniteGuard
from trainhouse.training.preflight import preflight as preflight_of
from trainhouse.training.train import train


class SwitchedGuard(NonFiniteGuard):
    """A guard that is off at every other step, drawn at random, and notes how long each step takes from its batch to
    the next one's: `seconds[epoch][is_on]`.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(folder, seed)
        self.seconds: list[tuple[list[float], list[float]]] = []
        self._draw = random.Random(0)
        self._is_on, self._started = True, 0.0

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Note the time of the step before, and draw for this one."""
        now = time.perf_counter()
        if batch_idx == 0:
            self.seconds.append(([], []))
        else:
            self.seconds[-1][self._is_on].append(now - self._started)
        self._is_on, self._started = self._draw.random() < 0.5, now

    def on_before_backward(self, trainer: L.Trainer, pl_module: L.LightningModule, loss: Tensor) -> None:
        """Check, if on."""
        if self._is_on:
            super().on_before_backward(trainer, pl_module, loss)

    def on_after_backward(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Check, if on."""
        if self._is_on:
            super().on_after_backward(trainer, pl_module)

    def on_before_optimizer_step(self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: Optimizer) -> None:
        """Check, if on."""
        if self._is_on:
            super().on_before_optimizer_step(trainer, pl_module, optimizer)


@row("ms", "of the speed of an unguarded step")
def guard(lab: Lab) -> Samples:
    """Milliseconds of a training step of the perceptron with `NonFiniteGuard`, the median of an epoch's steps.
    Yardstick: the same without it. Both in one run in this process, in which the guard is switched on or off at random
    before each step; each epoch but the first is a repeat. No bar, no logger, no checkpoints.
    """
    epochs = f"trainer.max_epochs={lab.repeats + 1}"
    settings = composed("train", *perceptron(lab), "callbacks=none", "logger=none", epochs)
    folder = lab.new_folder()
    data = build_data(settings.data, settings.seed)
    card = card_of(data, settings.seed)
    module, settings = build_module(settings, data, card)
    switched = SwitchedGuard(folder, settings.seed)
    callbacks = build_callbacks(settings, folder, data, card, {})
    callbacks = [switched if isinstance(callback, NonFiniteGuard) else callback for callback in callbacks]
    build_trainer(settings.trainer, folder, callbacks, []).fit(module, datamodule=data)
    on, off = ([1000 * median(epoch[is_on]) for epoch in switched.seconds[1:]] for is_on in (True, False))
    samples = Samples(on, off)
    return Samples(on, off, f"{100 * samples.beyond / median(off):+.1f} % of a step")


@row("s", "of a preflight's seconds in a run of one epoch")
def preflight(lab: Lab) -> Samples:
    """Seconds of the preflight on the default data and model: the data built once more for it, a batch of training and
    of validation, a checkpoint written and read. Yardstick: a whole run of one epoch without it, with test,
    checkpoints and TensorBoard. Both in this process; the ratio is how many preflights such a run would be.
    """
    fake = [f"data.path={lab.folder / 'fake_preflight.npy'}", "callbacks.progress_bar=null"]
    settings = composed(
        "train", *fake, "trainer.max_epochs=1", "callbacks.early_stopping.patience=10", "preflight=false"
    )
    data = build_data(settings.data, settings.seed)
    card = card_of(data, settings.seed)
    module, settings = build_module(settings, data, card)
    folder = lab.new_folder()
    (folder / "checkpoints").mkdir(parents=True)
    callbacks = build_callbacks(settings, folder, data, card, {})

    def ours() -> None:
        tried = build_data(settings.data, settings.seed)
        preflight_of(module, tried, callbacks, settings.trainer, settings.seed, folder)

    return timed(lab.repeats, ours, lambda: train(settings, lab.new_folder()))
