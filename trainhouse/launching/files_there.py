"""Files and devices that a command names and that are not there: refused before torch is imported, which takes seconds.

Whoever reads a file, or uses a device, checks it too, and more of it.
"""

import re
from collections.abc import Sequence
from glob import has_magic
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import ChoiceSweep, Override
from omegaconf import DictConfig, OmegaConf

from trainhouse.configuration.config import checked
from trainhouse.configuration.errors import UserError
from trainhouse.machine.devices import check_devices, has_no_gpu, no_gpu
from trainhouse.runs.find_checkpoint import check_is_there
from trainhouse.runs.overwriting import refuse_predictions_there

_CHECKPOINTS = ("ckpt_path", "init_from")
_OF_A_READER = re.compile(r"((val|test)_)?(file|features|labels)")  # of the library's own: another may mean anything


def check_files(config: DictConfig, command: str) -> None:
    """Raise `UserError` naming the key of a checkpoint, of new rows, of data or of a device that is not there.

    What else is wrong with the configuration of a `command` goes first.
    """
    try:
        _check(config)
    except UserError:
        checked(config, command)  # type: ignore[call-overload]
        raise


def check_files_of_sweep(examples: Sequence[DictConfig], overrides: Sequence[Override]) -> None:
    """Raise `UserError` for what no job of a sweep would find, and for each file among the values that it varies.

    The `examples` are jobs that differ as much as they can.
    """
    for one in overrides:
        name = one.key_or_group.removeprefix("data.")
        is_of_data = name != one.key_or_group and bool(_OF_A_READER.fullmatch(name))
        values = one.value()
        if isinstance(values, ChoiceSweep) and ((is_of_data and _has_own_reader(examples[0])) or name == "init_from"):
            for value in values.list:
                path = getattr(value, "text", value)
                if isinstance(path, str) and "${" not in path and "\0" not in path and path.strip():
                    _refuse_missing(path, one.key_or_group)
    found = set()
    for example in examples:
        try:
            _check(example)
            return
        except UserError as error:
            found.add(str(error))
    if len(found) == 1:
        raise UserError(found.pop())


def _check(config: DictConfig) -> None:
    if config.get("resume"):  # the run's own configuration holds
        return
    for key in _CHECKPOINTS:
        if (path := _text(config, key)) is not None:
            check_is_there(path, key)
    if (path := _text(config, "input")) is not None:
        _refuse_missing(path, "input")
    if (output := _text(config, "output")) is not None:
        made_from = [(key, Path(path)) for key in ("input", "ckpt_path") if (path := _text(config, key)) is not None]
        refuse_predictions_there(Path(output), config.get("overwrite") is True, made_from)
    data = config.get("data")
    if _has_own_reader(config):
        for name in filter(_OF_A_READER.fullmatch, map(str, data)):
            if (path := _text(data, name)) is not None:
                _refuse_missing(path, f"data.{name}")
    if isinstance(trainer := config.get("trainer"), DictConfig):
        accelerator = _text(trainer, "accelerator")
        if accelerator in ("gpu", "cuda") and has_no_gpu():
            raise UserError(no_gpu(accelerator))
        if "devices" in trainer and not OmegaConf.is_interpolation(trainer, "devices"):
            alone: Any = OmegaConf.to_container(OmegaConf.masked_copy(trainer, ["devices"]))
            check_devices(alone["devices"], accelerator)
    elif _text(config, "accelerator") == "gpu" and has_no_gpu():
        raise UserError("accelerator: gpu, and there is none; use accelerator=cpu")


def _has_own_reader(config: DictConfig) -> bool:
    """Whether the data is read by a function of the library's, whose keys name files."""
    data = config.get("data")
    return isinstance(data, DictConfig) and str(_text(data, "_target_")).startswith("trainhouse.")


def _text(config: DictConfig, key: str) -> str | None:
    """Return a string that is written there; what is missing, or refers to another key, is left to the checks."""
    if key not in config or OmegaConf.is_missing(config, key) or OmegaConf.is_interpolation(config, key):
        return None
    value: Any = config[key]
    return value if isinstance(value, str) and value.strip() and "\0" not in value else None


def _refuse_missing(path: str, key: str) -> None:
    if "://" not in path and not has_magic(path) and not Path(path).exists():
        raise UserError(f"{key}: {path} does not exist (relative paths start at {Path.cwd()})")
