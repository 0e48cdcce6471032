"""Where relative paths start: those in ``conf/`` in the project, those that are typed where one stands.

Where one stands in the project the two are the same, and nothing is changed. From elsewhere paths become absolute, so
that what is saved of a run is found again from anywhere. What is a path is known by its key, or by what is there.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, flag_override

from trainhouse.configuration.home import expanded
from trainhouse.configuration.schema import CONF, is_group

# Where relative paths in conf/ start, if not in the folder that conf/ lies in: tests work in folders of their own.
_PROJECT = "TRAINHOUSE_PROJECT"
# Parts of a configuration that may name files, beside the keys of a command itself.
_PARTS = ("data", "model", "module")
_OF_COMMANDS = ("ckpt_path", "final_model", "init_from", "input", "output", "runs")
# A column may be called as a file is.
_OF_COLUMNS = "data.columns"
_OF_A_COLUMN = re.compile(r"target|\w+_column")
_FILES = re.compile(r"(.*_)?(file|features|path|dir|root|folder|processed)")


def project() -> Path:
    """Return the folder in which relative paths of ``conf/`` start."""
    return Path(os.environ.get(_PROJECT) or CONF.parent).absolute()


def in_project() -> bool:
    """Whether the command was typed in the project's own folder."""
    return project().resolve() == Path.cwd()


def from_project(path: Path) -> Path:
    """Return a path of ``conf/`` as it is called from where one stands."""
    return path if path.is_absolute() or in_project() else project() / path


def overrides_of(hydra: Any) -> list[str]:
    """Return what was typed, as Hydra's own configuration has it: a reference in it is not looked up."""
    typed: Any = OmegaConf.to_container(hydra.overrides.task, resolve=False)
    return [str(one) for one in typed]


def with_whole_paths(config: DictConfig, hydra: Any) -> None:
    """Make relative paths in a composed configuration absolute, unless one stands in the project.

    Values that were typed start where one stands, as Hydra's own configuration says; all others in the project. A path
    that begins with ``~/`` is one in the home folder, wherever one stands.
    """
    with flag_override(config, ["struct", "readonly"], False):
        for key in [*_leaves(config), *(key for key in _OF_COMMANDS if _is_text(config, key))]:
            text = OmegaConf.select(config, key)
            if (whole := expanded(text, key)) != text:
                OmegaConf.update(config, key, whole)
    if in_project():
        return
    pairs = [one.lstrip("+~").partition("=") for one in overrides_of(hydra)]
    typed = {key for key, _, value in pairs if not is_group(key) or value.startswith("{")}  # else it is an option
    with flag_override(config, ["struct", "readonly"], False):
        for key in _leaves(config):
            is_typed = any(key == one or key.startswith(f"{one}.") for one in typed)
            place, text = Path.cwd() if is_typed else project(), OmegaConf.select(config, key)
            if _is_path(text, key.rpartition(".")[2], place):
                OmegaConf.update(config, key, str(place / text))
        for key in _OF_COMMANDS:
            if key not in typed and _is_text(config, key) and not _is_elsewhere(config[key]):
                config[key] = str(project() / config[key])


def found_in_project(node: Any) -> Any:
    """Return the arguments of a class, read from a run's file, with paths that are not here but in the project."""
    return node if in_project() else _replaced(node, _in_project)


def _in_project(text: str) -> str:
    is_there = not _is_elsewhere(text) and not Path(text).exists() and (project() / text).exists()
    return str(project() / text) if is_there else text


def _replaced(node: Any, replace: Callable[[str], str]) -> Any:
    if isinstance(node, dict):
        return {key: item if key == "_target_" else _replaced(item, replace) for key, item in node.items()}
    if isinstance(node, list):
        return [_replaced(item, replace) for item in node]
    return replace(node) if isinstance(node, str) else node


def _leaves(config: DictConfig) -> Iterator[str]:
    """Yield the key of each string in the parts that may name files."""
    pending = [part for part in _PARTS if isinstance(config.get(part), DictConfig)]
    while pending:
        key = pending.pop()
        node = OmegaConf.select(config, key)
        for name in node:
            below = f"{key}.{name}"
            if below == _OF_COLUMNS or not isinstance(name, str) or not re.fullmatch(r"\w[\w-]*", name):
                continue
            if OmegaConf.is_missing(node, name) or OmegaConf.is_interpolation(node, name) or name == "_target_":
                continue
            if isinstance(node[name], DictConfig):
                pending.append(below)
            elif isinstance(node[name], str):
                yield below


def _is_text(config: DictConfig, key: str) -> bool:
    is_written = key in config and not OmegaConf.is_missing(config, key) and not OmegaConf.is_interpolation(config, key)
    return is_written and isinstance(config[key], str)


def _is_elsewhere(text: str) -> bool:
    """Whether a string says by itself where it is, or is no path at all."""
    return not text.strip() or "\0" in text or "://" in text or text.startswith("~") or Path(text).is_absolute()


def _is_path(text: str, name: str, place: Path) -> bool:
    if _is_elsewhere(text) or len(text) > 1000 or _OF_A_COLUMN.fullmatch(name):
        return False
    first, *others = Path(text).parts or ("",)
    by_name, path = _FILES.fullmatch(name) is not None, place / text
    return by_name or path.is_file() or bool(others and (place / first).is_dir())
