"""Builds what the configuration names and what writes files: below the run's folder, and nowhere else."""

import inspect
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import (
    ModelCheckpoint,
    ModelSummary,
    OnExceptionCheckpoint,
    SpikeDetection,
    ThroughputMonitor,
)
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from trainhouse.configuration.check_arguments import check_arguments
from trainhouse.configuration.create import create, located
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.views import Part
from trainhouse.runs.layout import CHECKPOINTS

# Classes of Lightning, and those of the same name that do the same for them here, but for what their docstrings say.
_IN_PLACE_OF: dict[Any, str] = {
    ModelCheckpoint: "trainhouse.checkpoints.model_checkpoints.ModelCheckpoint",
    ModelSummary: "trainhouse.training.model_summary.ModelSummary",
    OnExceptionCheckpoint: "trainhouse.training.on_exception.OnExceptionCheckpoint",
    SpikeDetection: "trainhouse.training.spike_detection.SpikeDetection",
    ThroughputMonitor: "trainhouse.training.throughput.ThroughputMonitor",
    CSVLogger: "trainhouse.runs.csv_logger.CSVLogger",
    TensorBoardLogger: "trainhouse.runs.tensorboard_logger.TensorBoardLogger",
}


def create_below(folder: Path, part: Part, key: str, **arguments: Any) -> Any:
    """Build a callback or a logger that writes below `folder`, a run's own, with `arguments` of the program's.

    The configuration names no folder of this run: it can be run again. Raises `UserError` naming `key` for one that
    does, and as `create` does.
    """
    found = located(part, key)
    parameters = inspect.signature(found).parameters
    for name in ("dirpath", "save_dir"):
        if name in part:
            raise UserError(f"{key}.{name}: a run writes into its own folder; leave it out")
    for name in ("name", "version", "filename", "sub_dir"):
        text = part.get(name)
        if isinstance(text, str) and (".." in Path(text).parts or Path(text).is_absolute()):
            raise UserError(f"{key}.{name}: '{text}' leads out of the run's folder")
    given: dict[str, Any] = {"dirpath": str(folder / CHECKPOINTS), "save_dir": str(folder)}
    if str(part.get("monitor")).startswith("train/"):  # known only at an epoch's end, however often validation runs
        given |= {"save_on_train_epoch_end": True, "check_on_train_epoch_end": True}
    given = {name: value for name, value in given.items() if name in parameters and name not in part}
    given |= arguments
    if found in _IN_PLACE_OF:
        check_arguments(found, part, key, given, complete=True)  # which names the class that the user has named
        part = part.with_values({"_target_": _IN_PLACE_OF[found]})
    return create(part, key, **given)
