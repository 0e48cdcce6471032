"""The processes that torchrun, srun or mpirun have started are those that a run uses, unless it says how many."""

from collections.abc import Sequence

from omegaconf import DictConfig, flag_override

from trainhouse.machine.ranks import ranks
from trainhouse.runs.rendezvous import is_shared

_KEYS = ("trainer.devices", "trainer.num_nodes")


def take_given_ranks(config: DictConfig, overrides: Sequence[str]) -> None:
    """Put their number into `trainer`; numbers that were typed, or chosen by a file, are compared with it later."""
    typed = {override.lstrip("+").partition("=")[0] for override in overrides}
    trainer = config.get("trainer")
    if not is_shared() or not isinstance(trainer, DictConfig) or typed & {*_KEYS}:
        return
    here, devices, machines = ranks(), trainer.get("devices"), trainer.get("num_nodes", 1)
    if (machines == 1 and devices in (1, "auto")) or (machines == here.machines and devices == "auto"):
        with flag_override(config, ["struct", "readonly"], False):
            trainer.devices, trainer.num_nodes = here.local_world, here.machines
