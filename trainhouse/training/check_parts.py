"""Checks what a configuration says of each class or function against its annotations, before any data is read."""

from collections.abc import Iterator
from typing import Any

from trainhouse.configuration.auto_length import AUTO
from trainhouse.configuration.check_arguments import check_arguments
from trainhouse.configuration.config import OPEN
from trainhouse.configuration.create import located
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Train
from trainhouse.configuration.views import Part
from trainhouse.runs.loggers import check_loggers
from trainhouse.training.build_data import is_datamodule, source_of
from trainhouse.training.build_module import AUGMENTATION
from trainhouse.training.check_processes import check_strategy
from trainhouse.training.compiling import options_of
from trainhouse.training.left_out import left_out
from trainhouse.training.trainer_arguments import check_trainer_arguments
from trainhouse.training.weights_by_name import without_groups

# The arguments of a class that a run finds a number for.
_FOUND = {"callbacks.early_stopping": "patience", "optimizer": "weight_decay"}


def check_parts(settings: Train) -> None:
    """Raise `UserError` that names the key of an argument which a class or function of a run doesn't take."""
    check_loggers(settings.logger)
    check_trainer_arguments(settings.trainer)
    left_out(settings)
    if settings.compile:
        options_of(settings.compile)
    if settings.trainer.get("barebones"):
        _check_bare(settings)
    check_strategy(settings.trainer)
    for key, part in _parts(settings):
        # What is open will be filled in by the data, and what is auto by the run.
        known = {name: value for name, value in part.plain.items() if OPEN not in _leaves(value)}
        if (name := _FOUND.get(key, "")) and known.get(name) == AUTO:
            del known[name]
        check_arguments(located(part, key), Part(known), key, (), complete=False)


def _check_bare(settings: Train) -> None:
    """Lightning logs nothing then, whatever asks for it."""
    said = ["logger=none"] * bool(settings.logger) + ["monitor=null"] * (settings.monitor is not None)
    said += ["trainer.enable_model_summary=false"] * bool(settings.trainer.get("enable_model_summary"))
    if said:
        raise UserError(
            f"trainer.barebones: a run for its speed alone, without metrics, loggers and checkpoints; add "
            f"{' '.join(said)}"
        )


def _parts(settings: Train) -> Iterator[tuple[str, Part]]:
    data = settings.data
    if is_datamodule(data):
        yield "data", data
    else:
        yield "data", source_of(data)
        if isinstance(data.augmentation, dict):
            yield "data.augmentation", Part({"_target_": AUGMENTATION, **data.augmentation})
        if data.preprocessing:
            yield "data.preprocessing", Part(data.preprocessing)
    for group in ("model", "module", "scheduler"):
        if part := Part(settings.plain.get(group)):
            yield group, part
    yield "optimizer", without_groups(settings.optimizer)
    if "_target_" in settings.loss:
        yield "loss", settings.loss
    unset = [key for key in ("monitor", "mode") if settings.plain[key] is None]
    for name, part in settings.callbacks.items():
        if "_target_" in part:
            # Of a run without a monitor, or a mode, it is said in one place what that means.
            said = {key: value for key, value in part.plain.items() if key not in unset or value}
            yield f"callbacks.{name}", Part(said)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)
    else:
        yield value
