"""The test after training: what the best model measures on rows that decided nothing."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import lightning as L
from lightning.pytorch.utilities.model_helpers import is_overridden

from trainhouse.arrays.datamodule import DataModule
from trainhouse.checkpoints.checkpoint import Checkpoint, read
from trainhouse.reports.names import as_tested
from trainhouse.resuming.loops import at_last_step
from trainhouse.resuming.seeding import reseed
from trainhouse.resuming.sharded import put_weights
from trainhouse.resuming.trainer_parts import callbacks_of


def has_test(module: L.LightningModule, datamodule: L.LightningDataModule) -> bool:
    """Whether there is something to test, and a step that does it."""
    if isinstance(datamodule, DataModule):
        return bool(datamodule.row_count("test")) and is_overridden("test_step", module)
    return is_overridden("test_dataloader", datamodule) and is_overridden("test_step", module)


def measure_best(
    trainer: L.Trainer,
    module: L.LightningModule,
    datamodule: L.LightningDataModule,
    best: Checkpoint | None,
    seed: int,
    others: Collection[str],
    watching: Sequence[L.Callback] = (),
) -> dict[str, float]:
    """Return what the best model measures on the test split; the last one if none was kept.

    `others` are the names of what training and validation have logged: a step that serves two splits logs the same
    ones, which are kept apart here and in the logs. `watching` are callbacks that see this test alone.
    """
    if best:  # not by the trainer's `ckpt_path`, which would take the callbacks back to that epoch too
        content = read(best.path, lazily=True)  # `best` is what was read of it, and checked
        module.on_load_checkpoint(content)
        put_weights(module, content["state_dict"], strict=module.strict_loading)
        if state := content.get(type(datamodule).__qualname__):
            datamodule.load_state_dict(state)
    reseed(seed, "test")
    found: dict[str, float] = {}
    renamed = _logged_as(trainer.loggers, lambda name: as_tested(name, others))
    with renamed, _also(callbacks_of(trainer), watching), at_last_step(trainer):
        for tested in trainer.test(module, datamodule=datamodule, verbose=False):  # none if limited to none
            found |= {as_tested(name, others): float(value) for name, value in tested.items()}
    return found


def directions_of_test(directions: dict[str, str], metrics: Collection[str], others: Collection[str]) -> dict[str, str]:
    """Return the better ends of what the test logs under a name of validation's, which is kept under another one."""
    renamed = {as_tested(name, others): better for name, better in directions.items()}
    return {name: better for name, better in renamed.items() if name in metrics and name not in directions}


@contextmanager
def _also(callbacks: list[L.Callback], watching: Sequence[L.Callback]) -> Iterator[None]:
    callbacks.extend(watching)
    try:
        yield
    finally:
        del callbacks[len(callbacks) - len(watching) :]


@contextmanager
def _logged_as(loggers: Collection[Any], rename: Callable[[str], str]) -> Iterator[None]:
    """Let loggers keep values under other names: a point of the test's would be one more of validation's."""

    def renaming(log_metrics: Callable[..., None]) -> Callable[..., None]:
        def log_renamed(metrics: dict[str, float], *arguments: Any, **named: Any) -> None:
            log_metrics({rename(name): value for name, value in metrics.items()}, *arguments, **named)

        return log_renamed

    before = [vars(logger).get("log_metrics") for logger in loggers]
    for logger in loggers:
        logger.log_metrics = renaming(logger.log_metrics)
    try:
        yield
    finally:
        for logger, inner in zip(loggers, before, strict=True):
            del logger.log_metrics
            if inner is not None:
                logger.log_metrics = inner
