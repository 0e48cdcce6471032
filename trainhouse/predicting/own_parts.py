"""What evaluation and prediction with a LightningModule or LightningDataModule of the user's own both begin with."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L

from trainhouse.checkpoints.checkpoint import Checkpoint
from trainhouse.checkpoints.weights import check_kinds, check_weights
from trainhouse.configuration.errors import UserError
from trainhouse.resuming.seeding import reseed
from trainhouse.runs.provenance import changed_sources
from trainhouse.training.build_data import is_datamodule, rebuild_data, rebuild_datamodule
from trainhouse.training.build_module import is_lightning_module
from trainhouse.training.rebuild_module import rebuild_untrained

_log = logging.getLogger(__name__)


def own_parts(checkpoint: Checkpoint, overrides: dict[str, Any]) -> tuple[L.LightningModule, L.LightningDataModule]:
    """Return the module, without its weights, and its data with `overrides`; each is built after the run's seed."""
    reseed(checkpoint.config.seed, "init")
    config = checkpoint.config
    if is_datamodule(config.data):
        datamodule = rebuild_datamodule(checkpoint, overrides)
    else:
        datamodule = rebuild_data(checkpoint, overrides, preprocessed=is_lightning_module(config.model))
    reseed(checkpoint.config.seed, "init")
    return own_module(checkpoint), datamodule


def own_module(checkpoint: Checkpoint) -> L.LightningModule:
    """Return the module, without its weights, which are checked."""
    check_weights(checkpoint.state_dict, str(checkpoint.path))
    module = rebuild_untrained(checkpoint)
    check_kinds(module, checkpoint.state_dict, str(checkpoint.path))
    return module


@contextmanager
def fitting(checkpoint: Checkpoint) -> Iterator[None]:
    """Say in one line that weights don't fit the class that is there now."""
    try:
        yield
    except RuntimeError as error:
        if "in loading state_dict" not in str(error):
            raise
        what = " ".join(str(error).split())[:200]
        name = checkpoint.config.model.target
        raise UserError(f"{checkpoint.path}: its weights don't fit {name} as it is now ({what})") from error


def say_what_changed(checkpoint: Checkpoint) -> None:
    """Warn of source files that are not as they were in training."""
    if changed := changed_sources(checkpoint.config, checkpoint.provenance):
        _log.warning("warning: %s changed since %s was trained", " and ".join(changed), checkpoint.path)
