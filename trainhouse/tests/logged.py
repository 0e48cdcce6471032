"""Runs that are logged, killed and resumed, and what their loggers then hold."""

import csv
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.loggers import Logger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from trainhouse.checkpoints.checkpoint import read
from trainhouse.checkpoints.writing import CheckpointRecord
from trainhouse.configuration.settings import Train
from trainhouse.configuration.views import Parts
from trainhouse.resuming.exact_resume import ExactResume
from trainhouse.runs.loggers import build_loggers
from trainhouse.tests.tiny import CLASSES, tiny_data, tiny_module, tiny_trainer
from trainhouse.training.callbacks import History, LastCheckpoint, log_position

CSV = {"_target_": "lightning.pytorch.loggers.CSVLogger", "name": "logs", "version": "steps"}
TENSORBOARD = {"_target_": "lightning.pytorch.loggers.TensorBoardLogger", "name": "", "version": ""}
BOTH = {"csv": {**CSV, "flush_logs_every_n_steps": 3}, "tensorboard": TENSORBOARD}
STEPS = "logs/steps/metrics.csv"


class Killed(BaseException):
    """Ends the program where it stands."""


class Kill(L.Callback):
    """Kills the run after the batch of this number."""

    def __init__(self, after: int | None) -> None:
        self.after = after

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        if trainer.global_step == self.after:
            raise Killed


def fit(folder: Path, node: Any, resume: bool = False, kill: int | None = None, epochs: int = 3) -> list[Logger]:
    """Train with the loggers of `node`: five steps an epoch, a checkpoint after every two of them."""
    data, last = tiny_data(CLASSES), folder / "checkpoints/last.ckpt"
    loggers = build_loggers(Parts(node), folder, log_position(read(last)) if resume else None)
    callbacks = [
        CheckpointRecord(Train({}), data.spec, {}),
        ExactResume(0, data.cursor),
        History(folder / "logs/metrics.csv"),
        LastCheckpoint(str(last.parent), every_n_train_steps=2),
        Kill(kill),
    ]
    trainer = tiny_trainer(folder, *callbacks, checkpoints=True, max_epochs=epochs, logger=loggers or False)
    try:
        trainer.fit(tiny_module(data, log_every_n_steps=1), data, ckpt_path=last if resume else None)
    except Killed:
        assert kill
    return loggers


def rows(folder: Path) -> list[dict[str, Any]]:
    with open(folder / STEPS, newline="") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


def shown(folder: Path) -> dict[str, Any]:
    """What TensorBoard shows; its files in the order of their numbers, which it takes from their seconds."""
    found: dict[str, Any] = {}
    for path in sorted(folder.glob("*tfevents*"), key=lambda path: int(path.name.rpartition(".")[2])):
        events = EventAccumulator(str(path), {"scalars": 0})
        events.Reload()
        for tag in events.Tags()["scalars"]:
            found.setdefault(tag, []).extend((event.step, event.value) for event in events.Scalars(tag))
    return found
