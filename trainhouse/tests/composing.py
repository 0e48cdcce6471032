"""Lets the tests compose the project's own configuration sooner: each choice of config groups is put together once.

Half of what a refused command takes is Hydra, which reads and merges the thirty files that it chooses. They are the
same for all tests that choose the same of them; what is then typed for single keys is applied by Hydra as ever. A
file that several choices have in common is read once, whatever its name: what it says decides. What is copied is
pickled: OmegaConf's own way of copying takes five times as long. A script that a test starts afresh knows nothing of
this.
"""

import pickle
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from io import TextIOBase
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal import config_loader_impl
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import IConfigRepository
from hydra._internal.defaults_list import DefaultsList, create_defaults_list
from hydra.core.default_element import ResultDefault
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, ListConfig, OmegaConf

from trainhouse.configuration.hydra_versions import VERSION_BASE

_ROOT = Path(__file__).resolve().parents[2]
_CONF = _ROOT / "conf"
_PAIRS = Path(__file__).parent / "pairs" / "conf"
_OURS = {str(_CONF), str(_ROOT / "trainhouse" / "conf"), str(_PAIRS), "hydra.conf", ""}  # where files stay as they are
_compose = ConfigLoaderImpl._compose_config_from_defaults_list
_load = OmegaConf.load
_deepcopy = DictConfig.__deepcopy__

_lists: dict[tuple[object, ...], DefaultsList] = {}
_composed: dict[int, bytes] = {}  # pickled
_asked: set[tuple[str, ...]] = set()
_read: dict[str, bytes] = {}  # pickled


def remember_choices() -> None:
    """From now on, in this process and those that are forked from it, put each choice of groups together once."""
    config_loader_impl.create_defaults_list = _defaults_list  # type: ignore[attr-defined]
    ConfigLoaderImpl._compose_config_from_defaults_list = _composed_once  # type: ignore[method-assign]
    OmegaConf.load = staticmethod(_loaded_once)  # type: ignore[method-assign]
    DictConfig.__deepcopy__ = _copied  # type: ignore[method-assign]


def make_ready(script: str, arguments: Sequence[str]) -> None:
    """Put together what a script that is to be forked will choose, so that all its like find it."""
    name = script.removesuffix(".py")
    choices = (name, *(argument for argument in arguments if argument.lstrip("+~").partition("=")[0] in _groups()))
    if choices not in _asked and (_CONF / f"{name}.yaml").is_file():
        _asked.add(choices)
        with suppress(Exception), initialize_config_dir(str(_CONF), **VERSION_BASE):
            compose(name, [*choices[1:]], return_hydra_config=True)


@cache
def _groups() -> set[str]:
    return {path.name for conf in ("conf", "trainhouse/conf") for path in (_ROOT / conf).iterdir() if path.is_dir()}


def _defaults_list(
    repo: IConfigRepository,
    config_name: str | None,
    overrides_list: list[Override],
    prepend_hydra: bool,
    skip_missing: bool,
) -> DefaultsList:
    """Do what Hydra's function of that name does."""
    typed = [one for one in overrides_list if not one.is_sweep_override()]
    of_keys = [one for one in typed if isinstance(one.value(), dict) or not repo.group_exists(one.key_or_group)]
    paths = tuple(source.path.removeprefix("file://") for source in repo.get_sources())
    lines = tuple(str(one.input_line) for one in typed if one not in of_keys)
    key = (config_name, prepend_hydra, skip_missing, paths, lines)
    if key not in _lists:
        found = create_defaults_list(repo, config_name, overrides_list, prepend_hydra, skip_missing)
        if not {path.rstrip("/") for path in paths} <= _OURS:
            return found
        _lists[key] = found
    return replace(_lists[key], config_overrides=of_keys)


def _composed_once(self: ConfigLoaderImpl, defaults: list[ResultDefault], repo: IConfigRepository) -> DictConfig:
    """Do what Hydra's method of that name does."""
    if not any(defaults is one.defaults for one in _lists.values()):
        return _compose(self, defaults, repo)
    if id(defaults) not in _composed:
        _composed[id(defaults)] = pickle.dumps(_compose(self, defaults, repo), pickle.HIGHEST_PROTOCOL)
    return pickle.loads(_composed[id(defaults)])


def _loaded_once(file: Any) -> DictConfig | ListConfig:
    """Do what OmegaConf's method `load` does; what can't be read it reads itself, and names."""
    if isinstance(file, TextIOBase):
        text = file.read()
        file.seek(0)
    else:
        file = Path(file)
        text = file.read_text(encoding="utf-8")
    if text not in _read:
        _read[text] = pickle.dumps(_load(file), pickle.HIGHEST_PROTOCOL)
    return pickle.loads(_read[text])


def _copied(self: DictConfig, memo: dict[int, Any]) -> DictConfig:
    """Do what OmegaConf's method `__deepcopy__` does: the copy keeps its parent, which is not copied."""
    parent = self.__dict__["_parent"]
    self.__dict__["_parent"] = None
    try:
        copied: DictConfig = pickle.loads(pickle.dumps(self, pickle.HIGHEST_PROTOCOL))
    except Exception:  # holds what can't be pickled, as a class within a function
        copied = _deepcopy(self, memo)
    finally:
        self.__dict__["_parent"] = parent
    copied.__dict__["_parent"] = parent
    return copied
