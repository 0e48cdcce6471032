"""Refuses processes that a run could not learn with."""

import lightning as L

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Trainer
from trainhouse.runs.this_job import is_sweep_job


def refuse_processes(trainer: L.Trainer, settings: Trainer) -> None:
    """Processes that are spawned give nothing back; those that run a sweep's command line would run all of it."""
    if type(trainer.strategy.launcher).__name__.endswith("MultiProcessingLauncher"):
        raise UserError(
            f"trainer.strategy: {settings.strategy} starts processes that keep what they learn to themselves; use ddp"
        )
    if is_sweep_job() and type(trainer.strategy.launcher).__name__.endswith("SubprocessScriptLauncher"):
        raise UserError(
            f"trainer.devices: {trainer.num_devices} processes can't be started from a trial of a sweep; set "
            "trainer.devices=1, start the trials one by one, or let SLURM start the processes (launcher=submitit)"
        )
