"""What a run says of itself before it begins."""

import logging
from pathlib import Path

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch.nn.parameter import is_lazy

from trainhouse.arrays.column_summary import as_csv
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Train
from trainhouse.configuration.targets import check_config
from trainhouse.machine.files import write_text
from trainhouse.runs.layout import COLUMNS
from trainhouse.runs.typed import shown_path
from trainhouse.training.build_module import is_lightning_module
from trainhouse.training.callbacks import LastCheckpoint
from trainhouse.training.changed import changed
from trainhouse.training.data_card import DataCard

_log = logging.getLogger(__name__)


@rank_zero_only
def warn_of_what_files_may_not_name(settings: Train) -> None:
    """Warn of what this run saves and no file may name, so that eval.py, infer.py or a resume will refuse it."""
    for key, value in settings.plain.items():
        try:
            check_config({key: value}, "warning", own=True)
        except UserError as error:
            readers = "eval.py, infer.py and resume=" if key in ("model", "data") else "resume="
            _log.warning("%s; until it may, %s will refuse what this run saves", error, readers)


@rank_zero_only
def write_columns(card: DataCard, folder: Path) -> None:
    """Keep what each column of a table is in the run's folder."""
    if card.columns:
        write_text(folder / COLUMNS, as_csv(card.columns))


@rank_zero_only
def announce(settings: Train, card: DataCard, module: L.LightningModule, trainer: L.Trainer, folder: Path) -> None:
    """Say what of it differs from the defaults, and which data, task, model and folder it has."""
    if differs := changed():
        _log.info("changed  %s", "  ".join(differs))
    weights = sum(parameter.numel() for parameter in module.parameters() if not is_lazy(parameter))
    counted = f"{weights:,} weights"
    comes_later = is_overridden("configure_model", module) and not weights
    if comes_later or any(is_lazy(parameter) for parameter in module.parameters()):  # as large as a batch makes them
        counted = f"{counted} and those that are made later" if weights else "weights that are made later"
    if frozen := sum(one.numel() for one in module.parameters() if not is_lazy(one) and not one.requires_grad):
        counted = f"{counted}, {frozen:,} of them frozen"
    if (decay := settings.optimizer.get("weight_decay")) and not is_lightning_module(settings.model):
        counted += f", weight decay {decay:g}"
    name = settings.model.name
    for label, lines in (("data", card.data_lines), ("task", card.task_lines)):
        for number, line in enumerate(lines):
            _log.info("%-7s %s", "" if number else label, line)
    for note in card.notes:
        _log.info("note    %s", note)
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    if settings.callbacks and not any(isinstance(one, (ModelCheckpoint, LastCheckpoint)) for one in callbacks):
        is_off = settings.trainer.get("enable_checkpointing") is False or settings.trainer.get("barebones")
        more = "" if is_off else "; callbacks=[default,...] adds to the usual callbacks"
        _log.info("note    no checkpoint will be kept%s", more)
    device = trainer.strategy.root_device
    threads = f", {settings.threads} threads" if settings.threads and device.type == "cpu" else ""
    processes = f", {trainer.world_size} processes" if trainer.world_size > 1 else ""
    where = f"{device}{processes}{threads.replace(' 1 threads', ' 1 thread')}{' each' if processes and threads else ''}"
    _log.info("model   %s, %s, on %s", name, counted, where)
    _log.info("folder  %s\n", shown_path(folder))
