"""What is taken out of Lightning's step leaves every hook that somebody has written."""

from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint

from trainhouse.fast.lean_loop import NoProfiler, skip_unused_hooks
from trainhouse.tests.tiny import CLASSES, tiny_data, tiny_module, tiny_trainer


class Counts(L.Callback):
    """Overrides one hook of a step, and one of an epoch."""

    __module__ = "src.training.own"

    def __init__(self) -> None:
        self.batches = self.epochs = 0

    def on_train_batch_end(self, *_: Any) -> None:
        self.batches += 1

    def on_train_epoch_end(self, *_: Any) -> None:
        self.epochs += 1


class CountsHere(Counts):
    """As one of this project's own."""

    __module__ = "trainhouse.training.callbacks"


def test_overridden_hooks_are_called_and_others_passed_over(tmp_path: Path) -> None:
    data, counts = tiny_data(CLASSES), CountsHere()
    skip_unused_hooks([counts])
    tiny_trainer(tmp_path, counts, max_epochs=2).fit(tiny_module(data), data)
    assert (counts.batches, counts.epochs) == (10, 2)
    assert counts.on_train_batch_start is None


def test_a_callback_that_somebody_else_has_written_is_left_as_it_is(tmp_path: Path) -> None:
    data, counts = tiny_data(CLASSES), Counts()
    skip_unused_hooks([counts])
    assert vars(counts) == {"batches": 0, "epochs": 0}
    tiny_trainer(tmp_path, counts).fit(tiny_module(data), data)
    assert (counts.batches, counts.epochs) == (5, 1)


def test_a_hook_that_was_set_on_the_callback_itself_stays(tmp_path: Path) -> None:
    data, seen = tiny_data(CLASSES), []
    callback = L.pytorch.callbacks.LambdaCallback(on_train_batch_start=lambda *_: seen.append(1))
    skip_unused_hooks([callback])
    tiny_trainer(tmp_path, callback).fit(tiny_module(data), data)
    assert len(seen) == 5


def test_a_model_checkpoint_keeps_its_hooks() -> None:
    callback = ModelCheckpoint()
    skip_unused_hooks([callback])
    assert callable(callback.on_train_batch_end)
    assert callable(callback.on_validation_end)


def test_nothing_is_profiled_and_errors_pass() -> None:
    profiler = NoProfiler()
    with profiler.profile("outer"), profiler.profile("inner"):
        pass
    assert profiler.summary() == ""
