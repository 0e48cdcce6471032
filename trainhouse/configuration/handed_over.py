"""The group `optimizer` as a LightningModule gets it by ``optimizer: ${optimizer}`` in its file."""

import re
from typing import Any

from omegaconf import DictConfig, OmegaConf, flag_override

from trainhouse.configuration.bounded import interpolations
from trainhouse.configuration.errors import UserError

_WHOLE = re.compile(r"\$\{\s*optimizer\s*\}")


def without_groups_if_handed_over(config: DictConfig) -> DictConfig:
    """Return a configuration whose optimizer is what its class takes, if the group is handed over whole.

    `groups` is read by the module around a plain network alone. Raises `UserError` if it asks for something there.
    """
    plain: Any = OmegaConf.to_container(config, resolve=False)
    optimizer = plain.get("optimizer")
    if not isinstance(optimizer, dict) or "groups" not in optimizer:
        return config
    places = [key for key, text in interpolations(plain) if _WHOLE.fullmatch(text)]
    if not places:
        return config
    if optimizer["groups"]:
        raise UserError(f"optimizer.groups: {places[0]} gets the optimizer, which has no such argument; leave it out")
    config = config.copy()
    with flag_override(config, ["struct", "readonly"], False):
        del config.optimizer["groups"]
    return config
