"""A run that is resumed by another number of processes: a step keeps its rows, each process takes its share."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch

from trainhouse.checkpoints.checkpoint import RECORD, read
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.older_versions import is_array_data
from trainhouse.configuration.settings import Train, Trainer
from trainhouse.machine.ranks import ranks
from trainhouse.resuming.other_ranks import processes
from trainhouse.runs.typed import shown_path
from trainhouse.training.quiet import quiet_lightning
from trainhouse.training.trainer_arguments import make_trainer, trial_arguments

_KEYS = ("trainer.devices", "trainer.num_nodes")


def with_given_ranks(settings: Train, typed: Collection[str]) -> Train:
    """Return settings for the processes that torchrun, srun or mpirun have started, unless the `typed` keys say it."""
    here = ranks()
    if not here.launcher or {*typed} & {*_KEYS}:
        return settings
    return settings.with_values({"trainer.devices": here.local_world, "trainer.num_nodes": here.machines})


def with_same_step(settings: Train, saved: Train, checkpoint: Path | None, typed: Collection[str]) -> tuple[Train, str]:
    """Return settings for a run that is resumed from `checkpoint`, maybe with other processes than `saved` ones.

    Of array data a step has as many rows as before: `data.batch_size` is another one. The second is what there is to
    say of it, "" if nothing. Raises `UserError` if the processes can't have equal shares of them, and for devices that
    this machine has not.
    """
    _check_there(settings.trainer)
    now = _ranks_now(settings.trainer)
    then, batch_size = _known_ranks(saved.trainer), saved.data.plain.get("batch_size")
    if checkpoint:
        if (noted := ranks_of(checkpoint)) is None and then not in (None, now):
            raise UserError(
                f"trainer.devices: {shown_path(checkpoint)} is of a version that did not note its processes; resume it "
                f"with as many as it had, {then}"
            )
        then, batch_size = noted, read(checkpoint, lazily=True)[RECORD]["config"]["data"].get("batch_size")
    written = settings.data.plain.get("batch_size")
    size = batch_size if is_array_data(settings.data) and type(batch_size) is int else None
    # Other processes that were stopped before they had saved anything have left theirs in config.yaml.
    if then is None or (then == now and size in (None, written)):
        return settings, ""
    values: dict[str, Any] = {}
    if then != now and "threads" not in typed:  # those of other processes, of which a machine may have had more or less
        values["threads"] = None
    said = ""
    if size is not None:
        rows = size * then
        if rows % now:
            fitting = [str(number) for number in range(1, 2 * max(then, now) + 1) if rows % number == 0]
            raise UserError(
                f"trainer.devices: {processes(now)} can't share out equally the {rows} rows of a step, which the run "
                f"has (data.batch_size={size} on {processes(then)}); resume it with one of {', '.join(fitting)}"
            )
        values["data.batch_size"] = rows // now
        of = f"{processes(now)} in place of {then}: " if then != now else ""
        said = (
            f"{of}data.batch_size is {rows // now} in place of {written if then == now else size}, so a step has "
            f"{rows} rows as before"
        )
    return settings.with_values(values), said


def ranks_of(checkpoint: Path) -> int | None:
    """Return the number of processes that have written a checkpoint; None if it doesn't say."""
    found = read(checkpoint, lazily=True)["callbacks"]["ExactResume"].get("ranks")
    return found if type(found) is int and found > 0 else None


def is_same_step(now: Any, then: Any, ranks_then: int | None) -> bool:
    """Whether the `data.batch_size` of two plain configurations differs as their numbers of processes do."""
    of_now, of_then = ((one.get("data") or {}).get("batch_size") for one in (now, then))
    if type(of_now) is not int or type(of_then) is not int or of_now < 1 or ranks_then is None:
        return False
    rows, ranks_now = of_then * ranks_then, _known_ranks(Trainer(now.get("trainer") or {}))
    return rows % of_now == 0 if ranks_now is None else of_now * ranks_now == rows


def _known_ranks(trainer: Trainer) -> int | None:
    """Return their number as far as the configuration alone says it."""
    devices, nodes = trainer.get("devices"), trainer.get("num_nodes")
    devices = len(devices) if isinstance(devices, list) else devices
    is_known = type(devices) is int and type(nodes) is int and devices > 0
    return devices * nodes if is_known else None


def _ranks_now(trainer: Trainer) -> int:
    if (known := _known_ranks(trainer)) is not None:
        return known
    options = {"devices": trainer.get("devices") or "auto", "num_nodes": trainer.num_nodes, **trial_arguments(trainer)}
    off = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    with quiet_lightning():
        found = make_trainer(trainer, options, **off)
    return found.num_devices * found.num_nodes


def _check_there(trainer: Trainer) -> None:
    """A machine that has lost some of its GPUs, or another one, is no reason to lose the run."""
    devices, there = trainer.get("devices"), torch.cuda.device_count() if torch.cuda.is_available() else 0
    is_gpu = trainer.accelerator in ("gpu", "cuda", "auto") and there
    if is_gpu and type(devices) is int and devices > there and not ranks().launcher:
        raise UserError(
            f"trainer.devices: the run has {devices}, but this machine has {there}; resume it with "
            f"trainer.devices={max(number for number in range(1, there + 1) if devices % number == 0)}"
        )
