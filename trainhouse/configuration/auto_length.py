"""What is `auto` until the run knows its data: `trainer.max_epochs`, early stopping's patience, the weight decay."""

import re
from typing import Any

from omegaconf import DictConfig, OmegaConf

from trainhouse.configuration.bounded import interpolations

AUTO = "auto"
EPOCHS, PATIENCE = 20, 10
"""What they are at least, and wherever nothing says more."""
_LEAST: dict[tuple[str, ...], float] = {
    ("trainer", "max_epochs"): EPOCHS,
    ("callbacks", "early_stopping", "patience"): PATIENCE,
    ("optimizer", "weight_decay"): 0.0,
}


def with_length_for_references(config: DictConfig) -> DictConfig:
    """Return a configuration in which ``auto`` is a number where it is referred to, by itself or with its group.

    As by ``T_max`` of a schedule, or ``optimizer`` of a LightningModule. It is needed before the data is known.
    """
    plain: Any = OmegaConf.to_container(config, resolve=False)
    for path, least in _LEAST.items():
        key = ".".join(path)
        groups = "|".join(re.escape(".".join(path[:end])) for end in range(1, len(path) + 1))
        reference = re.compile(rf"\$\{{\s*(?:{groups})\s*\}}")
        is_open = OmegaConf.select(config, key, throw_on_resolution_failure=False) == AUTO
        if is_open and any(reference.search(text) for _, text in interpolations(plain)):
            *above, last = path
            value: Any = {last: least}
            for name in reversed(above):
                value = {name: value}
            config = OmegaConf.merge(config, value)  # type: ignore[assignment]
    return config
