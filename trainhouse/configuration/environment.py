"""Values from the environment, ``${oc.env:LR}``: strings, of which a key that takes a number gets that number."""

import copy
from typing import Any

from omegaconf import DictConfig, OmegaConf, flag_override
from omegaconf.errors import OmegaConfBaseException

from trainhouse.configuration.references import from_environment
from trainhouse.configuration.takes import annotation_of
from trainhouse.configuration.values import fits


def with_decoded(config: DictConfig, command: str) -> DictConfig:
    """Return `config`, or a copy of it in which keys that take no string have what the environment's string stands for.

    A key of which nothing is known keeps the string, and so does one whose string stands for nothing that it takes.
    """
    plain: Any = OmegaConf.to_container(config, resolve=False)
    found = from_environment(plain)
    if not found:
        return config
    config = copy.deepcopy(config)
    with flag_override(config, ["struct", "readonly"], False):
        for key, written in found:
            hint = annotation_of(key, plain, command)
            try:
                value = OmegaConf.select(config, key)
            except OmegaConfBaseException:  # a variable that isn't set, which is said in its place
                continue
            if (decoded := decoded_for(hint, written, value)) is not value:
                OmegaConf.update(config, key, decoded)
    return config


def decoded_for(hint: Any, written: str, value: Any) -> Any:
    """Return what `value` stands for, the string of a reference that is `written`, if `hint` takes that alone."""
    if not isinstance(value, str) or hint is Any or fits(value, hint):
        return value
    try:
        holder = OmegaConf.create({"value": f"${{oc.decode:{written}}}"})
        decoded = OmegaConf.to_container(holder, resolve=True)
    except OmegaConfBaseException:
        return value
    assert isinstance(decoded, dict)
    return decoded["value"] if fits(decoded["value"], hint) else value
