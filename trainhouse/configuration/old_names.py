"""What older versions of the project called things: their checkpoints, run folders and configurations stay readable."""

import re
import sys
from importlib import import_module
from typing import Any

from trainhouse.configuration import schema
from trainhouse.configuration.views import targets_in

# Modules that have moved from the user's package into the library, as far as a `_target_` has named what is in them.
MOVED = {
    "src.data.csv": "trainhouse.tables.read_table",
    "src.data.datamodule": "trainhouse.arrays.datamodule",
    "src.data.npy": "trainhouse.arrays.npy",
    "src.data.row_preprocessing": "trainhouse.arrays.row_preprocessing",
    "src.sweeps.example_space": "trainhouse.sweeps.example_space",
    "src.training.callbacks": "trainhouse.training.callbacks",
    "src.training.csv_logger": "trainhouse.runs.csv_logger",
    "src.training.model_checkpoints": "trainhouse.checkpoints.model_checkpoints",
    "src.utils.run_folder": "trainhouse.runs.run_folder",
    "trainhouse.arrays.csv": "trainhouse.tables.read_table",
}
# What has another name there.
_RENAMED = {"trainhouse.tables.read_table.read_csv": "trainhouse.tables.read_table.read_table"}

_DEFINES = r"(?m)^(?:(?:async +)?def|class) +{0}\b|^{0} *[:=]|^from .* import .*\b{0}\b|^ +{0},$"


def current_name(name: str) -> str:
    """Return today's name of what an older file calls `name`, as ``src.data.csv.read_csv``.

    Whoever builds from a file has to build what this returns, for that is what was checked. A file of the user's own
    in an old place goes first, if it has what is named.
    """
    parts = name.split(".")
    module, inner = ".".join(parts[:3]), parts[3:]
    if module not in MOVED or (inner and has_own(module, inner[0])):
        return name
    moved = ".".join([MOVED[module], *inner])
    return _RENAMED.get(moved, moved)


def with_current_names(node: Any) -> Any:
    """Return a copy of a part of a configuration in which every `_target_` has today's name."""
    if isinstance(node, dict):
        return {
            key: current_name(item) if key == "_target_" and isinstance(item, str) else with_current_names(item)
            for key, item in node.items()
        }
    return [with_current_names(item) for item in node] if isinstance(node, list) else node


def let_hydra_find(node: Any) -> None:
    """Let Hydra build what a checked part of an older run's configuration names: it reads the file by itself."""
    for name in targets_in(node):
        module = name.rpartition(".")[0]
        if current_name(name) != name:
            sys.modules.setdefault(module, import_module(MOVED[module]))


def has_own(module: str, attribute: str) -> bool:
    """Whether the user's file of a module defines or imports a name, without importing the file."""
    path = schema.CONF.parent / f"{module.replace('.', '/')}.py"
    return path.is_file() and bool(re.search(_DEFINES.format(re.escape(attribute)), path.read_text("utf-8")))
