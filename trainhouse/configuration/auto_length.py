"""`trainer.max_epochs: auto`, of which the run makes a number when it knows its data."""

import re
from typing import Any

from omegaconf import DictConfig, OmegaConf

from trainhouse.configuration.bounded import interpolations

AUTO = "auto"
EPOCHS = 20
"""What it is at least, and wherever nothing says more."""
_REFERENCE = re.compile(r"\$\{\s*trainer\.max_epochs\s*\}")


def with_length_for_references(config: DictConfig) -> DictConfig:
    """Return a configuration in which ``auto`` is 20 if it refers to the length elsewhere, as ``T_max`` of a schedule.

    Such a value is needed before the data is known.
    """
    if OmegaConf.select(config, "trainer.max_epochs", throw_on_resolution_failure=False) != AUTO:
        return config
    plain: Any = OmegaConf.to_container(config, resolve=False)
    if any(_REFERENCE.search(text) for _, text in interpolations(plain)):
        config = OmegaConf.merge(config, {"trainer": {"max_epochs": EPOCHS}})  # type: ignore[assignment]
    return config
