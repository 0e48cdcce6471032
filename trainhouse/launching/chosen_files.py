"""What a chosen file says and Hydra passes over: a value that has to be given, and a group that is chosen twice."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from trainhouse.configuration.dotted import at, dotted
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.schema import config_file, is_global, is_group
from trainhouse.runs.typed import shown_path


def check_chosen_files(config: DictConfig, choices: Mapping[str, Any], typed: Any) -> None:
    """Raise `UserError` for ``???`` in a file that chooses for others, as an experiment, where nothing sets the key.

    `typed` are the overrides, references in them as they are written. Merging leaves the value of the files before; of
    two choices of one group in a file the first one holds.
    """
    overrides: Any = OmegaConf.to_container(typed, resolve=False) if OmegaConf.is_config(typed) else typed
    keys = {str(one).lstrip("+").partition("=")[0] for one in overrides}
    texts = {path: path.read_text(encoding="utf-8") for path in _choosing_for_others(choices)}
    for path, text in texts.items():
        chosen = re.findall(r"^\s*-\s+override\s+/?([\w/]+)\s*:", text, re.MULTILINE)
        if twice := next((one for one in chosen if chosen.count(one) > 1), None):
            raise UserError(f"{shown_path(path)}: chooses {twice} twice; leave one of the two lines")
    if any("???" in text for text in texts.values()):
        contents = {path: OmegaConf.to_container(OmegaConf.load(path)) for path in texts}
        given = {key for content in contents.values() for key in dotted(content) if at(content, key) != "???"}
        for path, content in contents.items():
            for key in dotted(content):
                is_passed_over = key not in keys | given and not _is_missing(config, key)
                if at(content, key) == "???" and is_passed_over:
                    raise UserError(f"{key}: required by {shown_path(path)}; add {key}=... to the command")


def _choosing_for_others(choices: Mapping[str, Any]) -> list[Path]:
    files = [config_file(f"{group}/{option}") for group, option in choices.items() if option and is_group(group)]
    return [path for path in files if path.is_file() and is_global(path)]


def _is_missing(config: DictConfig, key: str) -> bool:
    above, _, name = key.rpartition(".")
    node = OmegaConf.select(config, above) if above else config
    return not isinstance(node, DictConfig) or OmegaConf.is_missing(node, name)
