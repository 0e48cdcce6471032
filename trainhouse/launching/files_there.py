"""Files that a command names and that are not there: refused before torch is imported, which takes seconds.

Whoever reads a file checks it too, and more of it.
"""

import re
from glob import has_magic
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from trainhouse.configuration.config import checked
from trainhouse.configuration.errors import UserError
from trainhouse.runs.find_checkpoint import check_is_there

_CHECKPOINTS = ("ckpt_path", "init_from")
_OF_A_READER = re.compile(r"((val|test)_)?(file|features|labels)")  # of the library's own: another may mean anything


def check_files(config: DictConfig, command: str) -> None:
    """Raise `UserError` naming the key of a checkpoint, of new rows or of data that is not there.

    What else is wrong with the configuration of a `command` goes first.
    """
    try:
        _check(config)
    except UserError:
        checked(config, command)  # type: ignore[call-overload]
        raise


def _check(config: DictConfig) -> None:
    if config.get("resume"):  # the run's own configuration holds
        return
    for key in _CHECKPOINTS:
        if (path := _text(config, key)) is not None:
            check_is_there(path, key)
    if (path := _text(config, "input")) is not None:
        _refuse_missing(path, "input")
    data = config.get("data")
    if isinstance(data, DictConfig) and str(_text(data, "_target_")).startswith("trainhouse."):
        for name in filter(_OF_A_READER.fullmatch, map(str, data)):
            if (path := _text(data, name)) is not None:
                _refuse_missing(path, f"data.{name}")


def _text(config: DictConfig, key: str) -> str | None:
    """Return a string that is written there; what is missing, or refers to another key, is left to the checks."""
    if key not in config or OmegaConf.is_missing(config, key) or OmegaConf.is_interpolation(config, key):
        return None
    value: Any = config[key]
    return value if isinstance(value, str) and value.strip() and "\0" not in value else None


def _refuse_missing(path: str, key: str) -> None:
    if "://" not in path and not has_magic(path) and not Path(path).exists():
        raise UserError(f"{key}: {path} does not exist (relative paths start at {Path.cwd()})")
