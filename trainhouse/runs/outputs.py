"""Where all runs go: the key `outputs`, which starts where it was typed, or in the project where it stands in conf/."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, flag_override
from omegaconf.errors import OmegaConfBaseException

from trainhouse.configuration.bounded import read_yaml
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.places import from_project
from trainhouse.configuration.schema import config_file
from trainhouse.runs.layout import RUNS

KEY = "outputs"
_OF_RUN_FILES = f"{RUNS}/${{name}}/"  # how the folder of a run begins in the config.yaml of runs: without the key

_place: list[Path] = []


def outputs() -> Path:
    """Return the folder of all runs: that of this command, as far as it is known yet."""
    return _place[-1] if _place else from_project(Path(RUNS))


def is_placed() -> bool:
    """Whether this command has come so far that its folder of all runs is known."""
    return bool(_place)


def place(config: DictConfig, overrides: Sequence[str]) -> Path:
    """Put into a composed configuration the folder of all runs as it is called from where one stands; return it.

    The `config.yaml` of a run has none: where runs go is no part of what a run is. Raises `UserError` for a value
    that is no folder's name.
    """
    try:
        value = config[KEY] if KEY in config else _of_conf()
    except OmegaConfBaseException as error:
        raise UserError(f"{KEY}: {str(error).splitlines()[0]}") from error
    folder = _placed(value, is_typed(overrides))
    with flag_override(config, ["struct", "readonly"], False):
        if "hydra" in config:
            for kind in (config.hydra.run, config.hydra.sweep):
                written: Any = OmegaConf.to_container(kind, resolve=False)
                if str(written["dir"]).startswith(_OF_RUN_FILES):
                    kind.dir = f"${{{KEY}}}/{written['dir'].removeprefix(f'{RUNS}/')}"
        config[KEY] = str(folder)
    _place[:] = [folder]
    return folder


def is_typed(overrides: Sequence[str]) -> bool:
    """Whether the command line says where runs go."""
    return _typed(overrides) is not None


def place_before_composing(arguments: Sequence[str]) -> Path:
    """Return the folder of all runs as far as the command line and conf/train.yaml say, for an error of composing."""
    typed = _typed(arguments)
    with suppress(UserError, OSError, ValueError):
        _place[:] = [_placed(_of_conf() if typed is None else typed.strip("'\""), typed is not None)]
    return outputs()


def _of_conf() -> object:
    content = read_yaml(config_file("train"))
    value = content.get(KEY) if isinstance(content, dict) else None
    return RUNS if value is None or "${" in str(value) else value


def _placed(value: object, is_typed: bool) -> Path:
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{KEY}: expected a folder, got {value!r}")
    folder = Path(value).expanduser() if value.startswith("~") else Path(value)
    return folder if is_typed else from_project(folder)


def _typed(arguments: Sequence[str]) -> str | None:
    """Return what was typed behind ``outputs=``."""
    found = [one.partition("=")[2] for one in arguments if one.lstrip("+").startswith(f"{KEY}=")]
    return found[-1] if found else None
