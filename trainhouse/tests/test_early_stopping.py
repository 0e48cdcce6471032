"""Patience counts in full: a run ends when nothing has improved for so long, and not because that was so once."""

from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping, Timer

from trainhouse.checkpoints.writing import AtomicCheckpointIO, CheckpointRecord
from trainhouse.configuration.settings import Train
from trainhouse.resuming.exact_resume import ExactResume
from trainhouse.tests.tiny import CLASSES, tiny_data, tiny_trainer
from trainhouse.training.callbacks import LastCheckpoint


class Scripted(L.LightningModule):
    """One whose validations have the values that are given; after the last of them the last one."""

    def __init__(self, values: list[float]) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.values, self.number = values, 0

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        return self.weight**2

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        pass

    def on_validation_epoch_end(self) -> None:
        self.log("val/loss", self.values[min(self.number, len(self.values) - 1)])
        self.number += 1

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Stop(Exception):
    """Ends a fit."""


class StopAfter(L.Callback):
    """Ends a fit as a kill does, after so many epochs; last.ckpt is of the one before."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_train_epoch_end(self, trainer: L.Trainer, *_: Any) -> None:
        if trainer.current_epoch + 1 == self.epochs:
            raise Stop


class Subclass(EarlyStopping):
    """A user's own."""


def epochs_trained(
    folder: Path,
    values: list[float],
    patience: int,
    stops: tuple[int, ...] = (),
    early: type[EarlyStopping] = EarlyStopping,
    more: tuple[L.Callback, ...] = (),
    **options: Any,
) -> int:
    """Return the epochs after which a run ends, of 20; it is stopped and resumed in each epoch of `stops`."""
    last = folder / "last.ckpt"
    for stop in (*stops, 0):
        data, module = tiny_data(CLASSES), Scripted(values)
        callbacks = [
            CheckpointRecord(Train({}), data.spec, {}),
            ExactResume(0, data.cursor),
            early("val/loss", patience=patience),
            *more,
            *([StopAfter(stop)] if stop else []),
            LastCheckpoint(str(folder)),
        ]
        given = {"max_epochs": 20, "plugins": [AtomicCheckpointIO()], **options}
        trainer = tiny_trainer(folder, *callbacks, checkpoints=True, **given)
        try:
            trainer.fit(module, data, ckpt_path=last if last.exists() else None)
        except Stop:
            assert stop
        else:
            assert not stop
    return trainer.current_epoch


def expected(values: list[float], patience: int, min_epochs: int, per_epoch: int = 1, most: int = 20) -> int:
    """What patience means: the first epoch from `min_epochs` on at whose end nothing has improved for so long."""
    best, waited = float("inf"), 0
    for number in range(most * per_epoch):
        value = values[min(number, len(values) - 1)]
        best, waited = (value, 0) if value < best else (best, waited + 1)
        epoch = number // per_epoch + 1
        if waited >= max(patience, 1) and epoch >= min_epochs and number % per_epoch == per_epoch - 1:
            return epoch
    return most


IMPROVES_LATE = [1.0, 2.0, 2.0, 2.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4]  # it is out of patience in the third epoch
NEVER = [1.0, 2.0]


@pytest.mark.parametrize("early", [EarlyStopping, Subclass])
@pytest.mark.parametrize(
    ("values", "patience", "min_epochs", "epochs"),
    [
        (IMPROVES_LATE, 2, 6, 12),
        (IMPROVES_LATE, 2, 11, 12),
        (IMPROVES_LATE, 2, 14, 14),
        (IMPROVES_LATE, 2, 1, 3),
        (NEVER, 2, 6, 6),
        (NEVER, 2, 1, 3),
        ([1.0, 2.0, 2.0, 0.5, 0.6], 2, 5, 6),
        ([1.0, 2.0, 2.0, 0.5, 0.6], 0, 4, 5),
    ],
)
def test_a_run_that_improves_within_its_least_epochs_continues(
    values: list[float], patience: int, min_epochs: int, epochs: int, early: type[EarlyStopping], tmp_path: Path
) -> None:
    assert expected(values, patience, min_epochs) == epochs
    assert epochs_trained(tmp_path, values, patience, early=early, min_epochs=min_epochs) == epochs


@pytest.mark.parametrize("stops", [(4,), (5,), (4, 5, 6, 8), (13,)], ids=str)
def test_a_resumed_run_has_the_patience_of_one_that_was_not_stopped(stops: tuple[int, ...], tmp_path: Path) -> None:
    values = [*IMPROVES_LATE, 0.3, 0.3, 0.2]
    whole = expected(values, 2, 6)
    assert whole == 15
    assert epochs_trained(tmp_path, values, 2, stops, min_epochs=6) == whole


def test_two_validations_an_epoch_are_counted_each(tmp_path: Path) -> None:
    values = [1.0, 2.0, 2.0, 2.0, 2.0, 0.9, 1.0, 1.0, 1.0]  # out of patience in the second epoch, better in the third
    options: dict[str, Any] = {"min_epochs": 4, "val_check_interval": 0.5}
    assert expected(values, 3, 4, per_epoch=2) == 5
    assert epochs_trained(tmp_path, values, 3, **options) == 5


def test_what_another_callback_has_asked_for_is_not_taken_back(tmp_path: Path) -> None:
    over = Timer(duration={"seconds": 1}, interval="epoch")
    over.time_elapsed = lambda *_: 2.0  # type: ignore[method-assign]
    assert epochs_trained(tmp_path, IMPROVES_LATE, 2, more=(over,), min_epochs=6) == 6


def test_a_threshold_that_was_reached_ends_the_run_as_soon_as_it_may(tmp_path: Path) -> None:
    class Reached(EarlyStopping):
        def __init__(self, monitor: str, patience: int) -> None:
            super().__init__(monitor, patience=patience, stopping_threshold=0.95)

    assert epochs_trained(tmp_path, IMPROVES_LATE, 9, early=Reached, min_epochs=7) == 7
