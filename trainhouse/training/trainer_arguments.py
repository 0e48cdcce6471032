"""What Lightning's Trainer is given: what the configuration says, and what a run has to decide itself.

Every parameter of `lightning.Trainer` stands in one of the tables below; a test compares them with its signature. One
that a newer Lightning adds is passed on as it is.
"""

import inspect
import re
import warnings
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.accelerators import Accelerator
from lightning.pytorch.plugins import Precision
from lightning.pytorch.profilers import Profiler
from lightning.pytorch.strategies import Strategy

from trainhouse.configuration.auto_length import AUTO
from trainhouse.configuration.check_arguments import check_arguments
from trainhouse.configuration.create import create, located
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Trainer
from trainhouse.configuration.targets import locate
from trainhouse.configuration.views import Part, targets_in
from trainhouse.training.handed_on import check_handed_on
from trainhouse.training.trainer_plugins import build_plugins, with_checkpoint_io

# What to type in place of each; null is let pass, as nothing is set by it.
REFUSED = {
    "logger": "loggers are chosen as logger=tensorboard, logger=[csv,wandb] or logger=none",
    "callbacks": "callbacks are chosen as callbacks=[default,timer] or callbacks=none",
    "default_root_dir": "a run writes into its own folder; outputs= or hydra.run.dir= puts that elsewhere",
    "limit_predict_batches": "nothing is predicted with this Trainer; infer.py predicts all rows of input=",
    "enable_autolog_hparams": "loggers get the hyperparameters with the final metrics; logger=none keeps them out",
    "model_registry": "models are kept in the run's folder, and promoted by select_best_model.py",
}

_KINDS: dict[str, type] = {"accelerator": Accelerator, "strategy": Strategy, "profiler": Profiler}
# What Lightning lacks, and the key that asks for it.
_NEEDED_FOR = {"torch_xla": "accelerator", "transformer_engine": "precision", "bitsandbytes": "precision"}
# Lightning's own defaults, which it refuses beside barebones.
_NOT_BARE = {"log_every_n_steps": 50, "enable_progress_bar": True}


def check_trainer_arguments(settings: Trainer) -> None:
    """Raise `UserError` that names a key of `trainer` which a run can't follow, or Lightning doesn't take."""
    plain = settings.plain
    for name, instead in REFUSED.items():
        if plain.get(name) is not None:
            raise UserError(f"trainer.{name}: {instead}; leave it out")
    known = {name: value for name, value in plain.items() if not _is_built(value) and name not in (*REFUSED, "plugins")}
    if known.get("max_epochs") == AUTO:  # which the run makes a number of
        del known["max_epochs"]
    check_arguments(located(settings, "trainer"), Part(known), "trainer", (), complete=False)
    for name, value in plain.items():
        for target in targets_in(value):
            locate(target, f"trainer.{name}")
        if _is_built(value) and name in _KINDS:
            part, key = Part(value), f"trainer.{name}"
            check_arguments(found := located(part, key), part, key, (), complete=False)
            check_handed_on(found, part, key)
    profiler = plain.get("profiler")
    if isinstance(profiler, dict):
        _check_below(Part(profiler))
    every, interval = plain.get("check_val_every_n_epoch"), plain.get("val_check_interval")
    if every is None and isinstance(interval, float):
        raise UserError(
            f"trainer.val_check_interval: expected a whole number of batches, or a time, beside "
            f"trainer.check_val_every_n_epoch=null, got {interval}"
        )
    build_plugins(settings)


def trainer_arguments(settings: Trainer, folder: Path, shares_rows: bool) -> dict[str, Any]:
    """Return the arguments for `lightning.Trainer` that the configuration decides, objects in place of their parts.

    `shares_rows`: the data gives each rank its own rows by itself. Raises `UserError` as `check_trainer_arguments`
    does, and for an object that is none of its kind.
    """
    check_trainer_arguments(settings)
    options = {name: value for name, value in settings.plain.items() if not name.startswith("_")}
    for name in REFUSED:
        options.pop(name, None)
    options.pop("enable_model_summary", None)
    is_bare = bool(settings.get("barebones"))
    if not is_bare:
        options.pop("enable_checkpointing", None)  # it decides which callbacks there are
    if shares_rows:
        if options.get("use_distributed_sampler") is False:
            raise UserError(
                "trainer.use_distributed_sampler: data of arrays gives each device rows of its own by itself; leave "
                "it out"
            )
        options["use_distributed_sampler"] = False
    for name, value in options.items():
        if _is_built(value) and name in _KINDS:
            options[name] = _built(name, Part(value), folder)
    options["plugins"] = with_checkpoint_io(build_plugins(settings))
    if is_bare:
        options = {name: value for name, value in options.items() if _NOT_BARE.get(name) != value}
    return options


def trial_arguments(settings: Trainer) -> dict[str, Any]:
    """Return what a Trainer that tries a batch has of the run's: its device, and in which precision it computes."""
    accelerator = settings.accelerator
    precisions = [plugin for plugin in build_plugins(settings) if isinstance(plugin, Precision)]
    return {
        "accelerator": create(Part(accelerator), "trainer.accelerator") if _is_built(accelerator) else accelerator,
        "precision": settings.precision,
        "plugins": precisions,
    }


def make_trainer(settings: Trainer, options: dict[str, Any], **arguments: Any) -> L.Trainer:
    """Build what `trainer._target_` names. Raises `UserError` with the key that Lightning's refusal speaks of."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*AMP with fp16 is not supported on CPU")  # refused below
        try:
            trainer: L.Trainer = create(Part({"_target_": settings.target}), "trainer", **options, **arguments)
        except UserError as error:
            raise UserError(_with_key(str(error), {*settings.plain})) from error
    asked = settings.precision
    if str(asked) in ("16", "16-mixed") and trainer.precision != "16-mixed":
        raise UserError(f"trainer.precision: {asked} needs a GPU; on the CPU use bf16-mixed or 32-true")
    return trainer


def _is_built(value: Any) -> bool:
    return isinstance(value, dict) and "_target_" in value


def _built(name: str, part: Part, folder: Path) -> Any:
    key = f"trainer.{name}"
    found = located(part, key)
    given: dict[str, Any] = {}
    if name == "profiler" and "dirpath" in inspect.signature(found).parameters:
        given["dirpath"] = str(folder)
        part = Part({name: value for name, value in part.plain.items() if name != "dirpath"})
    built: object = create(part, key, **given)
    if not isinstance(built, _KINDS[name]):
        raise UserError(f"{key}._target_: expected a {_KINDS[name].__name__} of Lightning's, got {part.target}")
    return built


def _check_below(part: Part) -> None:
    if part.get("dirpath") is not None:
        raise UserError("trainer.profiler.dirpath: a run writes into its own folder; leave it out")
    name = part.get("filename")
    if isinstance(name, str) and (".." in Path(name).parts or Path(name).is_absolute()):
        raise UserError(f"trainer.profiler.filename: '{name}' leads out of the run's folder")


def _with_key(line: str, keys: set[str]) -> str:
    """Return a refusal of Lightning's with the key in front that its words speak of, if one does."""
    said = line.removeprefix("trainer: ")
    if said == line:
        return line
    words = re.findall(r"(?:^|[`(, ])(\w+)(?=[`=])", said)
    found = next((word for word in words if word in keys), None)
    missing = re.match(r"Requirement '([\w]+)", said)
    key = found or (_NEEDED_FOR.get(missing[1]) if missing else None)
    return f"trainer.{key}: {said}" if key else line
