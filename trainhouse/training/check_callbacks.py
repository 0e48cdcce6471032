"""Refuses callbacks of Lightning's beside what they don't go with, or whose result no checkpoint would have."""

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import (
    BackboneFinetuning,
    BasePredictionWriter,
    DeviceStatsMonitor,
    GradientAccumulationScheduler,
    LearningRateMonitor,
    StochasticWeightAveraging,
    ThroughputMonitor,
    Timer,
)

from trainhouse.configuration.create import located
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Train, Trainer
from trainhouse.training.schedule_span import spans_the_run

_ONLY_LOG = (DeviceStatsMonitor, LearningRateMonitor, ThroughputMonitor)


def check_callbacks(callbacks: Iterable[L.Callback], module: L.LightningModule, settings: Train) -> None:
    """Raise `UserError` for a callback that can't do what it is for in this run."""
    for callback in callbacks:
        name = type(callback).__name__
        if isinstance(callback, BackboneFinetuning) and not hasattr(module, "backbone"):
            raise UserError(
                f"callbacks: {name} is for a LightningModule with a part named backbone, which "
                f"{type(module).__name__} has not; freeze= and optimizer.groups= are for any part"
            )
        if isinstance(callback, StochasticWeightAveraging):
            raise UserError(
                f"callbacks: {name} makes its average when training has ended, so that it is in no checkpoint and "
                "untested; callbacks=[default,ema], or lightning.pytorch.callbacks.WeightAveraging, validates and "
                "saves it"
            )
        if isinstance(callback, Timer) and settings.trainer.max_time is not None:
            raise UserError(
                "trainer.max_time: a Timer among the callbacks says when the run ends; set trainer.max_time=null, or "
                "leave the Timer out"
            )
        if isinstance(callback, BasePredictionWriter):
            raise UserError(
                f"callbacks: {name} writes what a Trainer predicts, and training predicts nothing; leave it out: "
                "infer.py writes what predict_step returns (output=p.csv, or p.pt)"
            )
        if isinstance(callback, _ONLY_LOG) and not settings.logger:
            raise UserError(f"callbacks: {name} logs to loggers alone, and there is none; choose one, or leave it out")
        on_cpu = settings.trainer.accelerator == "cpu" or not torch.accelerator.is_available()
        if isinstance(callback, DeviceStatsMonitor) and on_cpu and find_spec("psutil") is None:
            raise UserError(f"callbacks: {name} needs a package on the CPU that is not installed; pip install psutil")
        if isinstance(callback, GradientAccumulationScheduler):
            if settings.trainer.accumulate_grad_batches != 1:
                raise UserError(
                    f"trainer.accumulate_grad_batches: the {name} among the callbacks says how many batches make a "
                    "step; set it to 1, or leave the callback out"
                )
            if not module.automatic_optimization:
                raise UserError(
                    f"callbacks: {name} does not go with {type(module).__name__}, which makes its own steps"
                )
            _check_accumulation(name, getattr(module, "make_optimizer", None), settings)


def not_exact_with(trainer: Trainer) -> Iterator[str]:
    """Yield why a resume is not exact with what the `trainer` is set to."""
    if isinstance(trainer.get("val_check_interval"), str | dict):
        yield "trainer.val_check_interval is a time, so the clock decides when it validates"


def _check_accumulation(name: str, make_optimizer: Any, settings: Train) -> None:
    made = getattr(make_optimizer, "func", None)
    if isinstance(made, type) and issubclass(made, torch.optim.LBFGS):
        raise UserError(f"callbacks: {name} does not go with LBFGS, which asks again for the last batch alone")
    if make_optimizer and settings.scheduler and spans_the_run(located(settings.scheduler, "scheduler")):
        raise UserError(
            f"callbacks: {name} makes fewer steps than scheduler={settings.scheduler.name} is laid out over; choose "
            "another schedule, or trainer.accumulate_grad_batches"
        )
