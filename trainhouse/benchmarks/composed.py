"""The settings of a command, for rows that call its functions in this process."""

from typing import Literal, overload

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from trainhouse.benchmarks.processes import ROOT
from trainhouse.configuration.config import checked
from trainhouse.configuration.hydra_versions import VERSION_BASE
from trainhouse.configuration.settings import Eval, Infer, Train


@overload
def composed(command: Literal["train"], *overrides: str) -> Train: ...
@overload
def composed(command: Literal["eval"], *overrides: str) -> Eval: ...
@overload
def composed(command: Literal["infer"], *overrides: str) -> Infer: ...
def composed(command: Literal["train", "eval", "infer"], *overrides: str) -> Train | Eval | Infer:
    """Compose and check a configuration as the script of that name does, without Hydra's own values."""
    if command == "train":
        return checked(_config(command, "name=benchmark", *overrides), command)
    return checked(_config(command, *overrides), command)


def _config(command: str, *overrides: str) -> DictConfig:
    with initialize_config_dir(str(ROOT / "conf"), **VERSION_BASE):
        return compose(command, [*overrides])
