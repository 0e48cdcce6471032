"""Which groups of the configuration are read by whom: a LightningModule of the user's own makes much for itself."""

import re
from collections.abc import Iterable
from typing import Any

from omegaconf import DictConfig, OmegaConf

from trainhouse.configuration.schema import config_file

# Groups that only the module around a plain network reads, unless the model's configuration refers to them.
OF_THE_WRAPPER = ("optimizer", "scheduler", "loss", "module")


def is_read(group: str, config: DictConfig) -> bool:
    """Whether anything that `config`, Hydra's own part included, is composed of refers to a group: ``${optimizer}``."""
    return refers_to(group, as_typed(config.hydra.overrides.task), dict(config.hydra.runtime.choices))


def as_typed(overrides: Any) -> list[str]:
    """Return Hydra's list of overrides word for word: read one by one, a reference in them would be resolved."""
    plain = OmegaConf.to_container(overrides, resolve=False)
    assert isinstance(plain, list)
    return [str(override) for override in plain]


def refers_to(group: str, overrides: Iterable[str], choices: dict[str, str]) -> bool:
    """Whether an override, or the file of a choice, refers to a group."""
    pattern = re.compile(rf"\$\{{\.*/?{group}\b")
    if any(pattern.search(override) for override in overrides):
        return True
    files = [config_file(f"{name}/{option}") for name, option in choices.items() if not str(name).startswith("hydra")]
    return any(pattern.search(path.read_text(encoding="utf-8")) for path in files if path.is_file())
