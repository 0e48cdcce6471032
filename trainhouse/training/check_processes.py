"""Refuses processes that a run could not learn with."""

import logging
from importlib.util import find_spec

import lightning as L
import torch
from lightning.pytorch.callbacks import BaseFinetuning
from lightning.pytorch.strategies import DDPStrategy

from trainhouse.configuration.errors import UNUSED_MAY_BE, UserError, missed_gradients
from trainhouse.configuration.settings import Trainer
from trainhouse.configuration.views import Part
from trainhouse.machine.devices import no_gpu
from trainhouse.machine.ranks import unused_tasks
from trainhouse.resuming.gathering import limit_waiting
from trainhouse.resuming.trainer_parts import callbacks_of
from trainhouse.runs.this_job import is_sweep_job
from trainhouse.training.check_sharding import check_sharding

_log = logging.getLogger(__name__)


def refuse_processes(trainer: L.Trainer, settings: Trainer, seconds: float | None) -> None:
    """Processes that are spawned give nothing back; those that run a sweep's command line would run all of it.

    Those that are left wait for one another for so many seconds; None leaves it to the strategy.
    """
    if type(trainer.strategy.launcher).__name__.endswith("MultiProcessingLauncher"):
        raise UserError(
            f"trainer.strategy: {settings.strategy} starts processes that keep what they learn to themselves; use ddp"
        )
    later = next((one for one in callbacks_of(trainer) if isinstance(one, BaseFinetuning)), None)
    if later and trainer.world_size > 1 and isinstance(trainer.strategy, DDPStrategy):
        raise UserError(  # ddp exchanges the gradients of what was learned when it began
            f"callbacks: {type(later).__name__} frees weights that ddp then exchanges no gradients of, so each process "
            "would learn them by itself; set trainer.devices=1, or leave it out: optimizer.groups= slows weights down"
        )
    environment = getattr(trainer.strategy, "cluster_environment", None)
    are_started = environment is not None and environment.creates_processes_externally
    starts = type(trainer.strategy.launcher).__name__.endswith("SubprocessScriptLauncher") and not are_started
    if is_sweep_job() and starts:
        raise UserError(
            f"trainer.devices: {settings.get('devices')!r} with trainer.strategy={settings.strategy} starts "
            f"{trainer.num_devices} processes, which a trial of a sweep starts by their number alone; set "
            f"trainer.devices={trainer.num_devices} and leave trainer.strategy=auto, or ddp"
        )
    if not is_sweep_job() and trainer.world_size < (room := unused_tasks()):
        _log.warning(
            "warning: this SLURM job has room for %d tasks, of which the run is %d; `srun python train.py` starts all",
            room,
            trainer.world_size,
        )
    if seconds is not None:
        limit_waiting(trainer, seconds, settings.strategy)


def refuse_missed_gradients(
    missed: list[str], module: L.LightningModule, trainer: L.Trainer, settings: Trainer
) -> None:
    """Raise `UserError` if a backward pass misses parameters, for each of which DDP would wait."""
    strategy = Part(settings.strategy)
    options = strategy.plain if strategy.is_mapping else {}
    finds = options.get("find_unused_parameters") or options.get("static_graph") or settings.strategy == UNUSED_MAY_BE
    if missed and type(trainer.strategy) is DDPStrategy and not finds:
        more = f" and {len(missed) - 1} more" if len(missed) > 1 else ""
        raise UserError(missed_gradients(f"a step of {type(module).__name__} ({missed[0]}{more})"))


def check_strategy(settings: Trainer) -> None:
    """Raise `UserError` for a strategy that this machine can't follow, or whose checkpoints are no files.

    It is the name of one, or what names its class.
    """
    strategy = settings.strategy
    part = Part(strategy)
    name = str(part.name if part.is_mapping and part.get("_target_") else strategy)
    kind, key = name.lower(), "trainer.strategy"
    if settings.accelerator in ("gpu", "cuda") and not torch.accelerator.is_available():
        raise UserError(no_gpu(settings.accelerator))
    check_sharding(settings)
    if "deepspeed" in kind or kind.startswith("modelparallel"):
        raise UserError(
            f"{key}: {name} saves checkpoints as folders, which no command here reads; use ddp, or trainer=fsdp"
        )
    if ("xla" in kind or "tpu" in kind) and find_spec("torch_xla") is None:
        raise UserError(f"{key}: {name} needs a package that is not installed; pip install torch_xla")
