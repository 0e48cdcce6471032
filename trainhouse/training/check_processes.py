"""Refuses processes that a run could not learn with."""

from importlib.util import find_spec
from typing import Any

import lightning as L
import torch

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Trainer
from trainhouse.configuration.views import Part
from trainhouse.resuming.gathering import limit_waiting
from trainhouse.runs.this_job import is_sweep_job


def refuse_processes(trainer: L.Trainer, settings: Trainer, seconds: float | None) -> None:
    """Processes that are spawned give nothing back; those that run a sweep's command line would run all of it.

    Those that are left wait for one another for so many seconds; None leaves it to the strategy.
    """
    if type(trainer.strategy.launcher).__name__.endswith("MultiProcessingLauncher"):
        raise UserError(
            f"trainer.strategy: {settings.strategy} starts processes that keep what they learn to themselves; use ddp"
        )
    if is_sweep_job() and type(trainer.strategy.launcher).__name__.endswith("SubprocessScriptLauncher"):
        raise UserError(
            f"trainer.devices: {trainer.num_devices} processes can't be started from a trial of a sweep; set "
            "trainer.devices=1, start the trials one by one, or let SLURM start the processes (launcher=submitit)"
        )
    if seconds is not None:
        limit_waiting(trainer, seconds, settings.strategy)


def check_strategy(strategy: Any) -> None:
    """Raise `UserError` for a strategy that this machine can't follow, or whose checkpoints are no files.

    It is the name of one, or what names its class.
    """
    part = Part(strategy)
    name = str(part.name if part.is_mapping and part.get("_target_") else strategy)
    kind, key = name.lower(), "trainer.strategy"
    if "deepspeed" in kind or kind.startswith("modelparallel"):
        raise UserError(f"{key}: {name} saves checkpoints as folders, which no command here reads; use ddp, or fsdp")
    if ("xla" in kind or "tpu" in kind) and find_spec("torch_xla") is None:
        raise UserError(f"{key}: {name} needs a package that is not installed; pip install torch_xla")
    if not kind.startswith("fsdp"):
        return
    if part.is_mapping and part.get("state_dict_type") == "sharded":
        raise UserError(
            f"{key}.state_dict_type: sharded saves checkpoints as folders, which no command here reads; use full"
        )
    if not torch.cuda.is_available():
        raise UserError(f"{key}: {name} needs a GPU, and there is none; leave trainer.strategy=auto")
