"""Training as a user starts it, against a bare loop around the same network and rows."""

import csv
import json
import re
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple

from trainhouse.benchmarks.lab import Lab, perceptron, train_command
from trainhouse.benchmarks.measuring import Samples, interleaved, row
from trainhouse.benchmarks.processes import in_terminal, output_of, python

_OF_BARE = "of the bare loop's speed"


class Speed(NamedTuple):
    """Steps per second of one run, its first epoch left out."""

    training: float
    wall: float
    median: float
    """Of training in the median epoch."""


@row("steps/s", _OF_BARE, higher_is_better=True)
def train_perceptron(lab: Lab) -> Samples:
    """Steps per second that `train.py` spends training, in a process and terminal of its own, with default callbacks
    (checkpoints, early stopping, the bar, which draws) and TensorBoard: 60,000 images of 784 uint8 values, of which
    48,000 train, a perceptron of three layers, batches of 128, fused Adam. From `step` and `train_seconds` in
    logs/metrics.csv, without the first epoch. Yardstick: trainhouse/benchmarks/started/bare_training.py, an eager
    loop around the same network and rows in memory for as many epochs, without its first.
    """
    return _samples(_perceptron(lab), "training")


@row("steps/s", _OF_BARE, higher_is_better=True)
def train_perceptron_wall(lab: Lab) -> Samples:
    """As `train_perceptron`, but steps over wall-clock time: from the end of the first epoch to the end of the last,
    by the times in logs/training.log, with validation, checkpoints and all else. The yardstick only trains.
    """
    return _samples(_perceptron(lab), "wall")


@row("steps/s", _OF_BARE, higher_is_better=True)
def train_cnn(lab: Lab) -> Samples:
    """As `train_perceptron`, with `model=cnn` on 16,000 images of 28 x 28, of which 12,800 train."""
    return _samples(_cnn(lab), "training")


@row("steps/s", _OF_BARE, higher_is_better=True)
def train_cnn_wall(lab: Lab) -> Samples:
    """As `train_perceptron_wall`, with `model=cnn` on 16,000 images of 28 x 28."""
    return _samples(_cnn(lab), "wall")


Measured = tuple[list[Speed], list[float]]


def _samples(measured: Measured, which: str) -> Samples:
    ours, yardstick = measured
    return Samples([getattr(speed, which) for speed in ours], yardstick)


def _perceptron(lab: Lab) -> Measured:
    epochs = lab.size(full=11, quick=3)  # with the checkpoints that are kept every five epochs
    return lab.once("train_perceptron", lambda: _measure(lab, perceptron(lab), epochs))


def _cnn(lab: Lab) -> Measured:
    overrides = [*lab.images(lab.size(full=16_000, quick=1_000)), "model=cnn", "data.batch_size=128"]
    return lab.once("train_cnn", lambda: _measure(lab, overrides, epochs=lab.size(full=4, quick=2)))


def _measure(lab: Lab, overrides: list[str], epochs: int) -> Measured:
    described = lab.trained(*overrides)  # a run whose configuration the yardstick takes over; also a warm-up

    def ours() -> Speed:
        folder = lab.new_folder()
        in_terminal(train_command(folder, *overrides, f"trainer.max_epochs={epochs}"), lab.folder)
        return speed_of(folder)

    return interleaved(lab.repeats, ours, lambda: bare_speed(lab, described, epochs), warm_ups=0)


def bare_speed(lab: Lab, described: Path, epochs: int, *options: str) -> float:
    """Return the steps per second of the yardstick for the run that `described` holds."""
    command = python("-m", "trainhouse.benchmarks.started.bare_training", described, str(epochs), *options)
    speed: float = json.loads(output_of(command, lab.folder))["steps_per_second"]
    return speed


def speed_of(folder: Path) -> Speed:
    """Read the speed of a finished run from its logs."""
    with open(folder / "logs" / "metrics.csv", newline="") as file:
        first, *others = list(csv.DictReader(file))
    assert others, "the first epoch is left out, so there have to be two"
    steps = int(others[-1]["step"]) - int(first["step"])
    seconds = sum(float(epoch["train_seconds"]) for epoch in others)
    ends = _ends_of_epochs((folder / "logs" / "training.log").read_text())
    wall = (ends[-1] - ends[0]).total_seconds()
    each = median(float(epoch["train_seconds"]) for epoch in others)
    return Speed(steps / seconds, steps / wall, steps / len(others) / each)


def _ends_of_epochs(log: str) -> list[datetime]:
    times = re.findall(r"^(\S+ \S+) INFO +epoch \d", log, re.MULTILINE)
    return [datetime.strptime(time, "%Y-%m-%d %H:%M:%S,%f") for time in times]
