"""Checks a composed configuration before anything heavy is imported: every value set, and in its range.

Knows the keys that all runs share. What a network or a data source takes is checked where it is built.
"""

import copy
from typing import Any, Literal, overload

from omegaconf import DictConfig, OmegaConf, flag_override
from omegaconf.errors import InterpolationResolutionError, MissingMandatoryValue

from trainhouse.configuration import run_name  # noqa: F401  # `name` of conf/train.yaml refers to it
from trainhouse.configuration.annotations import OF_COMMAND_LINE
from trainhouse.configuration.auto_length import with_length_for_references
from trainhouse.configuration.environment import with_decoded
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.handed_over import without_groups_if_handed_over
from trainhouse.configuration.older_versions import BEFORE, is_array_data, with_what_it_lacks
from trainhouse.configuration.references import unresolved
from trainhouse.configuration.schema import check_keys, has_key
from trainhouse.configuration.settings import OF_COMMAND, Eval, Infer, SelectBestModel, Train, check_values, marked
from trainhouse.configuration.views import Part

# What stands for a value of the model that the data is to fill in, once the configuration is plain.
OPEN = "<open>"


@overload
def checked(config: DictConfig, command: Literal["train"] | None = None) -> Train: ...
@overload
def checked(config: DictConfig, command: Literal["eval"]) -> Eval: ...
@overload
def checked(config: DictConfig, command: Literal["infer"]) -> Infer: ...
@overload
def checked(config: DictConfig, command: Literal["select_best_model"]) -> SelectBestModel: ...
def checked(config: DictConfig, command: str | None = None) -> Train | Eval | Infer | SelectBestModel:
    """Return the settings that a configuration stands for: all of it plain, resolved containers.

    Raises `UserError` that names the key of a value that is missing, can't be resolved, or is out of range; and
    of one that ``conf/<command>.yaml`` doesn't know, if a `command` is given.
    """
    try:
        config = with_length_for_references(with_decoded(_with_open_sizes(config), command or "train"))
        config = without_groups_if_handed_over(config)
        found = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        key = error.full_key
        raise UserError(f"{key}: required; add {key}=... to the command") from error
    except InterpolationResolutionError as error:
        raise UserError(unresolved(error, config)) from error
    assert isinstance(found, dict)
    plain = {str(key): value for key, value in found.items()}
    if command == "train":
        plain = with_what_it_lacks(plain)
    kind = OF_COMMAND[command or "train"]
    of_command_line = marked(OF_COMMAND_LINE, kind)
    if command:  # a run's file has no such keys, nor has the conf/ of an older version
        own = {key: plain.get(key) for key in of_command_line if has_key(command, key)}
        given = {key: value for key, value in plain.items() if key not in of_command_line}
        check_keys({**given, **own}, command, BEFORE if command == "train" else ())
    check_values(_without_own_data(plain), kind)
    return kind({key: value for key, value in plain.items() if key not in of_command_line})


def _without_own_data(plain: dict[str, Any]) -> dict[str, Any]:
    """Leave out the keys of a user's DataModule, which are its own."""
    data = Part(plain.get("data"))
    is_own = "_target_" in data and not is_array_data(data)
    return {key: value for key, value in plain.items() if not (is_own and key == "data")}


def _with_open_sizes(config: DictConfig) -> DictConfig:
    """Let the model leave values open (``???``): the data may know them."""
    if not isinstance(config.get("model"), DictConfig):
        return config
    config = copy.deepcopy(config)
    with flag_override(config, ["struct", "readonly"], False):
        _open(config.model)
    return config


def _open(node: DictConfig) -> None:
    for key in list(node):
        if OmegaConf.is_missing(node, key):
            node[key] = OPEN
        elif not OmegaConf.is_interpolation(node, key) and isinstance(node[key], DictConfig):
            _open(node[key])
