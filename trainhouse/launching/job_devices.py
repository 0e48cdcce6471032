"""How many processes the jobs of a sweep need, and whether the launcher can give them: known before the first job."""

from collections.abc import Sequence

from omegaconf import DictConfig, ListConfig, flag_override

from trainhouse.configuration.errors import UserError
from trainhouse.machine.cores import available_cores
from trainhouse.machine.ranks import ranks
from trainhouse.machine.sweep_worker import accelerators
from trainhouse.runs.rendezvous import is_shared

_OF_PROCESSES = ("ddp", "fsdp")  # strategies that make a group of processes, also of one


def processes_of(config: DictConfig) -> int:
    """Return how many processes a job needs on a machine; 0 if the one that it is in does."""
    trainer = config.get("trainer")
    if not isinstance(trainer, DictConfig):
        return 0
    count, strategy = _devices(trainer), trainer.get("strategy")
    name = strategy.get("_target_", "") if isinstance(strategy, DictConfig) else strategy
    return count if count > 1 or str(name).rpartition(".")[2].lower().startswith(_OF_PROCESSES) else 0


def _devices(trainer: DictConfig) -> int:
    """Read `trainer.devices` as Lightning does, without asking torch for what there is."""
    devices = trainer.get("devices")
    if isinstance(devices, ListConfig):
        return max(1, len(devices))
    text = str(devices)
    if "," in text:
        return max(1, sum(bool(one.strip()) for one in text.split(",")))
    if text in ("auto", "-1"):
        return max(1, len(accelerators())) if uses_accelerators(trainer) else 1
    return max(1, int(text)) if text.isdecimal() else 1


def uses_accelerators(trainer: DictConfig) -> bool:
    """Whether its devices are accelerators, of which a machine has only so many."""
    return trainer.get("accelerator") in ("gpu", "cuda", "auto") and bool(accelerators())


def check_processes(job: DictConfig, overrides: Sequence[str]) -> None:
    """Raise `UserError` if the launcher of `job`, which Hydra has composed, can't start the processes that it needs."""
    trainer, launcher = job.get("trainer"), job.hydra.launcher
    if not isinstance(trainer, DictConfig):
        return
    kind = str(launcher["_target_"]).rpartition(".")[2]
    tasks, nodes = (int(launcher.get(key) or 1) for key in ("tasks_per_node", "nodes"))
    devices, machines = _devices(trainer), int(trainer.get("num_nodes") or 1)
    typed = any(one.lstrip("+").startswith(("trainer.devices=", "trainer.num_nodes=")) for one in overrides)
    if kind == "SlurmLauncher" and tasks * nodes > 1:
        follows = not typed and devices == machines == 1
        if not follows and (devices, machines) != (tasks, nodes):
            raise UserError(
                f"trainer.devices: {devices} on trainer.num_nodes={machines}, but SLURM starts {tasks} tasks on each "
                f"of {nodes} nodes for a trial; set hydra.launcher.tasks_per_node={devices} "
                f"hydra.launcher.nodes={machines}, or leave trainer.devices and trainer.num_nodes out"
            )
        return
    if kind != "SlurmLauncher" and tasks * nodes > 1:
        raise UserError(
            f"hydra.launcher.tasks_per_node: {tasks * nodes} tasks of a trial find each other on a SLURM cluster only; "
            "leave it out: trainer.devices starts the processes of a trial on this machine"
        )
    if machines > 1:
        raise UserError(
            f"trainer.num_nodes: {machines} machines for a trial need launcher=submitit "
            f"hydra.launcher.nodes={machines} hydra.launcher.tasks_per_node={devices}"
        )
    if kind in ("BasicLauncher", "JoblibLauncher") and uses_accelerators(trainer):
        _check_room(devices, _at_once(launcher), len(accelerators()))


def _at_once(launcher: DictConfig) -> int:
    asked = int(launcher.get("n_jobs", 1))
    return asked if asked > 0 else max(1, available_cores() + 1 + asked)


def _check_room(devices: int, at_once: int, there: int) -> None:
    if devices > there:
        raise UserError(f"trainer.devices: {devices}, but this machine has {there}")
    if devices > 1 and devices * at_once > there:
        raise UserError(
            f"trainer.devices: {devices} for each of {at_once} trials at once are {devices * at_once}, but this "
            f"machine has {there}; set hydra.launcher.n_jobs={there // devices}"
        )


def take_given_ranks(config: DictConfig, overrides: Sequence[str]) -> None:
    """Put their number into `trainer`; numbers that were typed, or chosen by a file, are compared with it later."""
    typed = {override.lstrip("+").partition("=")[0] for override in overrides}
    trainer = config.get("trainer")
    if not is_shared() or not isinstance(trainer, DictConfig) or typed & {"trainer.devices", "trainer.num_nodes"}:
        return
    here, devices, machines = ranks(), trainer.get("devices"), trainer.get("num_nodes", 1)
    if (machines == 1 and devices in (1, "auto")) or (machines == here.machines and devices == "auto"):
        with flag_override(config, ["struct", "readonly"], False):
            trainer.devices, trainer.num_nodes = here.local_world, here.machines
