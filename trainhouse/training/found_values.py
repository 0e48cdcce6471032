"""A learning rate or a batch size that Lightning's finders choose before a run begins, and its configuration says."""

import copy
import io
import logging
from contextlib import redirect_stderr
from dataclasses import replace as replaced
from pathlib import Path
from pickle import UnpicklingError
from tempfile import TemporaryDirectory
from typing import Any

import lightning as L
import numpy as np
from lightning.pytorch.callbacks import BatchSizeFinder, LearningRateFinder
from lightning.pytorch.tuner.tuning import Tuner

from trainhouse.arrays.preprocessing_datamodule import PreprocessingDataModule
from trainhouse.configuration.create import located
from trainhouse.configuration.dotted import at
from trainhouse.configuration.errors import UserError, first_line
from trainhouse.configuration.settings import Train
from trainhouse.configuration.views import Part
from trainhouse.figures.about import About
from trainhouse.machine.terminal import doing
from trainhouse.resuming.seeding import random_states_kept, reseed
from trainhouse.training.build_data import build_data
from trainhouse.training.build_run import BuiltRun
from trainhouse.training.learning_rates import draw_search, steepest_fall, without_bias
from trainhouse.training.optimizer_modes import OptimizerModes
from trainhouse.training.quiet import NOTHING_LEFT, quiet_lightning
from trainhouse.training.trainer_arguments import trial_arguments

_log = logging.getLogger(__name__)

LR_FIGURE = "figures/learning_rate_finder.png"
_MANY = 1000
_MOST_ROWS = 8192  # of a batch, as Lightning has it
_RATES = ("lr", "learning_rate", "optimizer.lr")
_OF_MODEL = " or ".join(f"model.{rate}" for rate in _RATES)


class _WithoutHyperparameters(L.Callback):
    """Leaves them out of a trial's checkpoint: they may be objects, which can't be read again."""

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Take out those of the module, and of its data."""
        for key in (pl_module.CHECKPOINT_HYPER_PARAMS_KEY, "datamodule_hyper_parameters"):
            checkpoint.pop(key, None)


def with_found_values(built: BuiltRun, folder: Path) -> Train | None:
    """Return the settings of a run with what its finders have found in place of them; None if it has none.

    Nothing else is changed: weights, data and random states are as before. Raises `UserError` where nothing is found,
    or where it is not known which key it is for.
    """
    found: dict[str, Any] = {}
    for kind, find in ((BatchSizeFinder, _batch_size), (LearningRateFinder, _learning_rate)):
        for name, part in built.settings.callbacks.items():
            if "_target_" in part and located(part, f"callbacks.{name}") is kind:
                key = f"callbacks.{name}"
                settings = built.settings.with_values(found)
                found |= {**find(replaced(built, settings=settings), part, key, folder), key: None}
    return built.settings.with_values(found) if found else None


def _learning_rate(built: BuiltRun, part: Part, key: str, folder: Path) -> dict[str, Any]:
    lr = _key_of_rate(built, key, str(part.get("attr_name") or ""))
    options = {**part.plain, "num_training": part.get("num_training_steps") or 100}
    taken = ("min_lr", "max_lr", "num_training", "mode", "early_stop_threshold", "attr_name")
    with doing("looking for a learning rate"):
        result = _tuned(built, key, "lr_find", {name: options[name] for name in taken if name in options})
    rates, losses = (np.array(result.results[name] if result else [], dtype=float) for name in ("lr", "loss"))
    losses = without_bias(losses)
    place = steepest_fall(rates, losses)
    if place is None:
        raise UserError(f"{key}: found no learning rate at which the loss falls; raise num_training_steps, or set {lr}")
    rate = float(f"{rates[place]:.2g}")
    draw_search(rates, losses, place, folder / LR_FIGURE, About(built.settings.name, built.card.name))
    _log.info("found   %s=%g, by LearningRateFinder (%s)", lr, rate, LR_FIGURE)
    return {lr: rate}


def _batch_size(built: BuiltRun, part: Part, key: str, folder: Path) -> dict[str, Any]:
    if part.get("batch_arg_name") not in (None, "batch_size"):
        raise UserError(f"{key}.batch_arg_name: what is found is data.batch_size; leave it out")
    if "batch_size" not in built.settings.data:
        raise UserError(f"{key}: the data has no data.batch_size to be found")
    taken = ("mode", "steps_per_trial", "init_val", "max_trials", "margin", "max_val")
    options = {"max_val": _MOST_ROWS, **{name: part.get(name) for name in taken if name in part}}
    if rows := built.card.rows.get("train"):  # more than all rows are no larger batch
        options["max_val"] = min(options["max_val"], rows)
    with doing("looking for a batch size"):
        size = min(int(_tuned(built, key, "scale_batch_size", options)), options["max_val"])
    _log.info("found   data.batch_size=%d, by BatchSizeFinder", size)
    return {"data.batch_size": size}


def _key_of_rate(built: BuiltRun, key: str, name: str) -> str:
    """Return the key of the learning rate: that of `name`, or of one of the usual names if it is empty."""
    if not built.has_own_module:
        if name not in ("", "lr", "learning_rate"):
            raise UserError(f"{key}.attr_name: the rate of a plain network is optimizer.lr; leave it out")
        return "optimizer.lr"
    for rate in [name] if name else _RATES:
        if at(built.settings.model.plain, rate) is not None:
            return f"model.{rate}"
    if name:
        raise UserError(f"{key}.attr_name: {built.settings.model.name} has no key model.{name} to be found")
    raise UserError(f"{key}: {built.settings.model.name} has no key {_OF_MODEL} to be found")


def _tuned(built: BuiltRun, key: str, method: str, options: dict[str, Any]) -> Any:
    """Return what a method of Lightning's tuner says of a copy of the module, on data that is read again."""
    settings = built.settings
    with (
        quiet_lightning(),
        redirect_stderr(io.StringIO()),  # a bar that nothing turns off
        random_states_kept(),
        TemporaryDirectory() as place,
    ):
        reseed(settings.seed, "finder")
        trainer = L.Trainer(
            **trial_arguments(settings.trainer),
            devices=settings.trainer.get("devices") or "auto",
            num_nodes=settings.trainer.num_nodes,
            gradient_clip_val=settings.trainer.gradient_clip_val,
            gradient_clip_algorithm=settings.trainer.get("gradient_clip_algorithm"),
            accumulate_grad_batches=settings.trainer.accumulate_grad_batches,
            max_epochs=_MANY,  # which a schedule over the run asks for; the search is a number of steps
            limit_val_batches=0,
            num_sanity_val_steps=0,
            logger=False,
            callbacks=[OptimizerModes(), _WithoutHyperparameters()],
            **NOTHING_LEFT,
            default_root_dir=place,
        )
        if trainer.world_size > 1:
            raise UserError(f"{key}: looks on one device only; set trainer.devices=1, and keep what it finds for more")
        data = build_data(settings.data, settings.seed, preprocessed=built.has_own_module)
        if isinstance(data, PreprocessingDataModule) and isinstance(built.datamodule, PreprocessingDataModule):
            data.serve_preprocessed(
                *map(copy.deepcopy, (built.datamodule.preprocessing, built.datamodule.augmentation))
            )
        if method == "lr_find":
            options = {**options, "update_attr": False}
        try:
            return getattr(Tuner(trainer), method)(copy.deepcopy(built.module), datamodule=data, **options)
        except (ValueError, TypeError, RuntimeError, UnpicklingError) as error:
            raise UserError(f"{key}: {first_line(error)}") from error
