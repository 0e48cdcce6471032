"""Lightning's `TensorBoardLogger`, with what its pages need and without what nobody looks for there."""

import os
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch.loggers import TensorBoardLogger as LightningTensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from trainhouse.runs.layout import CONFIG, EVENTS, MARK


class TensorBoardLogger(LightningTensorBoardLogger):
    """Lightning's own, which begins another file after fit and after test, and draws a curve of the epoch's number."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write the values of one step."""
        super().log_metrics({name: value for name, value in metrics.items() if name != "epoch"}, step)

    @rank_zero_only
    def save(self) -> None:
        """Write what is held; within the run's own folder there is no hparams.yaml."""
        if not self.name:
            self.experiment.flush()
        else:
            super().save()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write what is held; more may come, into the same file."""
        self.save()

    @rank_zero_only
    def close(self) -> None:
        """Close the file, after the last value."""
        self.save()
        self.experiment.close()


def events_of(logger: LightningTensorBoardLogger) -> list[Path]:
    """Return the files that a run has logged to, also in folders below: there only those that its processes have begun.

    What was copied there from another run is left alone.
    """
    here = [path for path in Path(logger.log_dir).glob(EVENTS) if path.is_file()]
    own, found = {_writer(path) for path in here}, here
    for parent, folders, files in os.walk(logger.log_dir):
        folders[:] = [name for name in folders if not any(Path(parent, name, mark).exists() for mark in (MARK, CONFIG))]
        below = [Path(parent, name) for name in files if fnmatch(name, EVENTS)]
        found = [*found, *(path for path in below if path not in here and _writer(path) in own)]
    return sorted(found)


def _writer(path: Path) -> str:
    """Return the machine and the process that have begun a file, of events.out.tfevents.<time>.<machine>.<pid>.<n>."""
    return ".".join(path.name.partition("tfevents.")[2].split(".")[1:-1])


def has_events(logger: LightningTensorBoardLogger) -> bool:
    """Whether something was logged by an earlier start of the run."""
    return any(path.stat().st_size for path in Path(logger.log_dir).glob(EVENTS))


def begin_trial(logger: LightningTensorBoardLogger, title: str, values: dict[str, Any]) -> None:
    """Give the run a line in the HParams tab, with the hyperparameters `values`.

    The columns are made by TensorBoard, of all runs that it shows: where runs say themselves which they are, it takes
    those of any one run for all.
    """
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
    from torch.utils.tensorboard.summary import hparams

    values = {name: str(value).lower() if isinstance(value, bool) else value for name, value in values.items()}
    _, start, _ = hparams(values, {})  # which writes True as 1.0
    data = start.value[0].metadata.plugin_data
    content = HParamsPluginData.FromString(data.content)
    content.session_start_info.group_name = title  # its name there
    data.content = content.SerializeToString()
    logger.experiment.file_writer.add_summary(start)


def end_trial(logger: LightningTensorBoardLogger) -> None:
    """Mark the run's line in the HParams tab as complete."""
    from torch.utils.tensorboard.summary import hparams

    _, _, end = hparams({}, {})
    logger.experiment.file_writer.add_summary(end)


def show_figure(logger: LightningTensorBoardLogger, name: str, path: Path) -> None:
    """Show a PNG file among the images."""
    from matplotlib.image import imread

    pixels = (np.atleast_3d(imread(path)) * 255).round().astype(np.uint8)
    # TensorBoard sorts by name: the curves, as val/loss, stand above the figures.
    logger.experiment.add_image(f"visuals/{name}", pixels, dataformats="HWC")
