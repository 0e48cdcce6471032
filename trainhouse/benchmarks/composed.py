"""The configuration of a command, for rows that call its functions in this process."""

from typing import Any

from hydra import compose, initialize_config_dir

from trainhouse.benchmarks.processes import ROOT
from trainhouse.configuration.config import checked
from trainhouse.configuration.hydra_versions import VERSION_BASE


def composed(config_name: str, *overrides: str) -> Any:
    """Compose and check a configuration as the script of that name does, without Hydra's own values."""
    with initialize_config_dir(str(ROOT / "conf"), **VERSION_BASE):
        name = ["name=benchmark"] if config_name == "train" else []
        return checked(compose(config_name, [*name, *overrides]), config_name)
