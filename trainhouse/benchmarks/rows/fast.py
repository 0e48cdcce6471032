"""What each file of trainhouse/fast gives: CPU time with it, against the same without it. One thread."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import lightning as L
import torch
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode

from trainhouse.benchmarks.composed import composed
from trainhouse.benchmarks.lab import Lab, perceptron
from trainhouse.benchmarks.measuring import Samples, interleaved, row
from trainhouse.benchmarks.processes import output_of, python
from trainhouse.configuration import speed
from trainhouse.configuration.hydra_versions import VERSION_BASE
from trainhouse.configuration.schema import CONF
from trainhouse.training.build import build_callbacks, build_trainer
from trainhouse.training.build_data import build_data
from trainhouse.training.build_module import build_module
from trainhouse.training.data_card import card_of

_OF_WITHOUT = "of the speed without it"


@row("ms", _OF_WITHOUT)
def fast_lean_step(lab: Lab) -> Samples:
    """Milliseconds of CPU time that a training step of the perceptron takes, with the callbacks of
    `build_callbacks`, in the second epoch of a run in this process. Yardstick: the same with Lightning's step.
    """
    return _steps(lab, "lean_step")


@row("ms", _OF_WITHOUT)
def fast_finite(lab: Lab) -> Samples:
    """As `fast_lean_step`, but without `finite`: each gradient is looked at by itself."""
    return _steps(lab, "finite")


@row("s", _OF_WITHOUT)
def fast_config_error(lab: Lab) -> Samples:
    """Seconds of CPU time of `python train.py trainer.max_epoch=3`, which is refused. Yardstick: the same without
    `quick_hydra`.
    """
    return _commands(lab, ["trainer.max_epoch=3"], expected_status=1)


@row("ms", _OF_WITHOUT)
def fast_composing(lab: Lab) -> Samples:
    """Milliseconds of CPU time to compose a job of a sweep, of 20 that differ in a key. Yardstick: Hydra's own."""
    composing = speed.fast("composing")

    def jobs(is_fast: bool) -> float:
        with initialize_config_dir(str(CONF), **VERSION_BASE):
            loader = GlobalHydra.instance().config_loader()
            master = loader.load_configuration("train", ["hydra.sweep.dir=somewhere"], RunMode.MULTIRUN)
            if is_fast and composing:
                composing.compose_once(loader)
            count = lab.size(full=20, quick=2)
            return (
                _cpu_ms(lambda: [loader.load_sweep_config(master, [f"seed={seed}"]) for seed in range(count)]) / count
            )

    return Samples(*interleaved(lab.repeats, lambda: jobs(True), lambda: jobs(False)))


def _cpu_ms(act: Callable[[], object]) -> float:
    started = time.process_time()
    act()
    return 1000 * (time.process_time() - started)


def _commands(lab: Lab, arguments: list[str], expected_status: int = 0) -> Samples:
    def seconds(missing: str) -> float:
        before = os.times()
        run = python("-m", "trainhouse.benchmarks.started.without", missing, "train.py", *arguments)
        output_of(run, lab.folder, expected_status)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    return Samples(*interleaved(lab.repeats, lambda: seconds("nothing"), lambda: seconds("quick_hydra")))


class _Clock(L.Callback):
    """Notes the CPU time from the first batch of each epoch to its last: `ms` of a step."""

    def __init__(self) -> None:
        self.ms = self._started = 0.0

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Begin."""
        if batch_idx == 0:
            self._started = time.process_time()

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """End."""
        if batch_idx == trainer.num_training_batches - 1:
            self.ms = 1000 * (time.process_time() - self._started) / batch_idx


def _steps(lab: Lab, missing: str) -> Samples:
    options = ["trainer.max_epochs=2", "callbacks=none", "logger=none", "trainer.limit_val_batches=0"]
    settings = composed("train", *perceptron(lab), *options, "monitor=train/loss")
    threads = torch.get_num_threads()

    def step(without: str) -> float:
        asked = speed.fast
        with (
            patch("trainhouse.training.build.fast", lambda name: None if name == without else asked(name)),
            patch("trainhouse.training.non_finite.fast", lambda name: None if name == without else asked(name)),
        ):
            folder: Path = lab.new_folder()
            data = build_data(settings.data, settings.seed)
            card = card_of(data, settings.seed)
            module, current = build_module(settings, data, card)
            callbacks = [*build_callbacks(current, folder, data, card, {}), clock := _Clock()]
            build_trainer(current.trainer, folder, callbacks, []).fit(module, datamodule=data)
        return clock.ms

    torch.set_num_threads(1)
    try:
        return Samples(*interleaved(lab.repeats, lambda: step(""), lambda: step(missing)))
    finally:
        torch.set_num_threads(threads)
