"""Evaluates a LightningModule or a LightningDataModule of the user's own, from the checkpoint alone.

Lightning sets up the data and restores the module, the DataModule's state included; seeds are those of the run, so
that a split made by chance is the same, and so is what a step draws.
"""

import logging
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities.model_helpers import is_overridden

from trainhouse.arrays.datamodule import DataModule
from trainhouse.checkpoints.checkpoint import Checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Eval, Trainer
from trainhouse.figures.chosen import asked_in, check_asked
from trainhouse.machine.files import write_json
from trainhouse.machine.writes import only_below
from trainhouse.predicting.known_baseline import baseline_of_own
from trainhouse.predicting.measured_rows import check_trainer, measured_split, say_and_leave_out_seen
from trainhouse.predicting.own_parts import fitting, own_parts, say_what_changed
from trainhouse.predicting.shown_evaluation import say_next_to, show_evaluation
from trainhouse.reports.baseline import baseline_line
from trainhouse.reports.metrics_text import metrics_lines
from trainhouse.reports.names import SPLITS, as_tested
from trainhouse.resuming.seeded_evaluation import SeededEvaluation
from trainhouse.resuming.seeding import reseed
from trainhouse.runs.layout import METRICS
from trainhouse.runs.loggers import check_loggers
from trainhouse.runs.typed import shown_path
from trainhouse.training.build import build_trainer
from trainhouse.training.build_data import is_datamodule, rebuild_datamodule
from trainhouse.training.checks import check_precision
from trainhouse.training.data_card import card_of
from trainhouse.training.progress_bar import ProgressBar
from trainhouse.training.threads import set_threads

_log = logging.getLogger(__name__)


def evaluate_own(checkpoint: Checkpoint, settings: Eval, folder: Path) -> None:
    """Run the module's own test (or validation, with ``split=val``), and report the metrics that it logs."""
    with only_below(checkpoint.foreign, folder):
        _evaluate(checkpoint, settings, folder)


def _evaluate(checkpoint: Checkpoint, settings: Eval, folder: Path) -> None:
    check_asked(asked_in(settings), [], "a LightningModule of one's own")
    set_threads(settings.threads)
    check_trainer(settings.trainer, folder, validates=settings.split == "val")
    check_loggers(settings.logger)
    is_arrays = not is_datamodule(checkpoint.config.data)
    if is_arrays:
        check_precision(settings.trainer.precision, checkpoint.data_spec)
    elif settings.split not in ("auto", "test", "val"):
        raise UserError(f"split: data of your own is measured on test or val, not '{settings.split}'")
    has_changed = not is_arrays and _serves_other_data(checkpoint, settings.data)
    module, datamodule = own_parts(checkpoint, settings.data)
    split: str = "test" if settings.split == "auto" else settings.split
    if isinstance(datamodule, DataModule):
        split = measured_split(datamodule, checkpoint, settings)
    _check_hooks(module, datamodule, split)
    say_what_changed(checkpoint)
    _log.info("model   %s (epoch %d)", checkpoint.path, checkpoint.epoch)
    rows: dict[str, int] = {}
    if isinstance(datamodule, DataModule):
        rows["rows_left_out"] = say_and_leave_out_seen(datamodule, [checkpoint], split, settings)
        rows["rows"] = datamodule.row_count(split)
        datamodule.serve_in_test(split)
    else:
        if has_changed:
            _log.warning(
                "warning: %s serves other data than %s was trained on: if it has grown, rows of its %s split may be "
                "ones that were trained on",
                checkpoint.provenance["data"],
                checkpoint.path,
                split,
            )
        _log.info("data    %s, its %s split\n", checkpoint.provenance["data"], split)
    seed = checkpoint.config.seed
    callbacks: list[Callback] = [ProgressBar(), SeededEvaluation(seed)]
    trainer = build_trainer(settings.trainer, folder, callbacks, [], datamodule, seed)
    run = trainer.validate if split == "val" else trainer.test
    with fitting(checkpoint):
        results = run(module, datamodule=datamodule, ckpt_path=str(checkpoint.path), verbose=False)
    metrics = {name: float(value) for result in results for name, value in result.items()}
    if split != "val":  # as training names them
        metrics = {as_tested(name, checkpoint.metrics): value for name, value in metrics.items()}
    if not metrics:
        raise UserError(f"split: {type(module).__name__} logs nothing on the {split} split")
    for what, line in metrics_lines(metrics, SPLITS):
        _log.info("%-6s %s", what, line)
    content = {"split": split, **rows, "metrics": metrics, "ckpt_path": str(checkpoint.path), "epoch": checkpoint.epoch}
    if isinstance(datamodule, DataModule) and not _limits(settings.trainer, split):
        baseline = baseline_of_own(checkpoint, datamodule, split)
        if said := baseline_line(baseline):
            content["baseline"] = baseline
            _log.info("       %s", said)
    write_json(folder / METRICS, content)
    show_evaluation(settings, metrics, folder, checkpoint.path)
    _log.info("everything is in %s", shown_path(folder))
    say_next_to(settings, checkpoint.path, checkpoint.provenance["data"])


def _limits(trainer: Trainer, split: str) -> bool:
    """Whether only some batches of a split are measured."""
    limit = trainer.limit_val_batches if split == "val" else trainer.limit_test_batches
    return isinstance(limit, int) or limit < 1  # 1 is one batch, 1.0 all of them


def _check_hooks(module: L.LightningModule, datamodule: L.LightningDataModule, split: str) -> None:
    """Raise `UserError` if a split can't be measured; all but validation is measured by the steps of the test."""
    step, loader = ("validation_step", "val_dataloader") if split == "val" else ("test_step", "test_dataloader")
    for owner, hook in ((module, step), (datamodule, loader)):
        if not is_overridden(hook, owner):
            validates = is_overridden("validation_step", module) and is_overridden("val_dataloader", datamodule)
            other = "; split=val measures on the validation split" if split == "test" and validates else ""
            raise UserError(f"split: {type(owner).__name__} has no {hook}{other}")


def _serves_other_data(checkpoint: Checkpoint, overrides: dict[str, Any]) -> bool:
    """Whether a user's DataModule has another fingerprint than in training; where it can't be asked, nobody knows."""
    reseed(checkpoint.config.seed, "init")
    try:
        card = card_of(rebuild_datamodule(checkpoint, overrides), checkpoint.config.seed)
    except Exception:  # the data of training need not be here
        return False
    return bool(card.fingerprint != checkpoint.provenance["data_fingerprint"])
