"""Which process of how many this is, as whoever started the processes says it.

The order is Lightning's own (its cluster environments): torchrun, also within a SLURM job; srun; LSF's jsrun; mpirun;
last the processes that Lightning itself starts for the devices of one machine.
"""

import json
import os
import re
import time
from contextlib import suppress
from typing import NamedTuple


class Ranks(NamedTuple):
    """The place of this process among those of one job."""

    rank: int = 0
    """Its number among all, from 0."""
    world: int = 1
    """How many there are."""
    local_world: int = 1
    """How many of them are on this machine."""
    launcher: str = ""
    """Who started them all, as ``torchrun``; "" for Lightning, which starts the others from the first."""
    job: str = ""
    """What no other job of this user is called that is at work at the same time, or was before; "" of some MPIs."""

    @property
    def machines(self) -> int:
        """How many machines they are on, if each has equally many."""
        return max(1, self.world // max(1, self.local_world))


def ranks() -> Ranks:
    """Read it from the environment. A process that nobody has started together with others is the first of one."""
    for of_launcher in (_of_torchrun, _of_slurm, _of_lsf, _of_mpi):
        if found := of_launcher():
            return found
    local, node = _number("LOCAL_RANK", 0), _number("NODE_RANK", _number("GROUP_RANK", 0))
    world = _number("WORLD_SIZE", 1)
    return Ranks(max(local, node), world, world)  # who is not the first of all need not know more


def are_unequal(here: Ranks) -> bool:
    """Whether machines have unequal numbers of processes."""
    machines = _number("GROUP_WORLD_SIZE", here.machines) if here.launcher == "torchrun" else here.machines
    return here.local_world * machines != here.world


def _number(name: str, otherwise: int) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() else otherwise


def _of_torchrun() -> Ranks | None:
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return None
    world = _number("WORLD_SIZE", 1)
    parts = (
        os.environ["TORCHELASTIC_RUN_ID"],
        os.environ.get("MASTER_PORT", ""),
        _number("TORCHELASTIC_RESTART_COUNT", 0),
    )
    return Ranks(_number("RANK", 0), world, _number("LOCAL_WORLD_SIZE", world), "torchrun", "-".join(map(str, parts)))


def tell_torchrun(line: str) -> None:
    """Have torchrun show, at the end of what it says of its processes, why this one has ended."""
    if path := os.environ.get("TORCHELASTIC_ERROR_FILE"):
        said = {"message": line, "extraInfo": {"py_callstack": line, "timestamp": str(int(time.time()))}}
        with suppress(OSError), open(path, "w", encoding="utf-8") as file:
            json.dump({"message": said}, file)


def meet_at(port: int | None) -> None:
    """Have this process meet the others at a port of the first one's machine; None changes nothing.

    Lightning derives the port of a SLURM job from the job's number, so two steps of one job would meet each other; and
    torchrun's store still has the addresses of processes that it has started again.
    """
    if port is not None:
        os.environ |= {"MASTER_PORT": str(port), "TORCHELASTIC_USE_AGENT_STORE": "False"}


def _of_slurm() -> Ranks | None:
    """Of a step of several tasks, which srun has made; a batch script, or a shell of salloc, is one process by itself.

    What is said of the job may differ from what is true of the step, its name too.
    """
    is_of_mpirun = "OMPI_COMM_WORLD_RANK" in os.environ or "MPI_LOCALNRANKS" in os.environ  # in a job of SLURM's
    if is_of_mpirun or "SLURM_PROCID" not in os.environ or (world := _number("SLURM_STEP_NUM_TASKS", 1)) < 2:
        return None
    per_node = _tasks_of_nodes()
    node = _number("SLURM_NODEID", 0)
    parts = [os.environ.get(f"SLURM_{name}", "") for name in ("JOB_ID", "STEP_ID", "RESTART_COUNT")]
    local = per_node[node] if node < len(per_node) else world
    return Ranks(_number("SLURM_PROCID", 0), world, local, "srun", "-".join(parts))


def _tasks_of_nodes() -> list[int]:
    """Return how many tasks of this step are on each machine: ``2(x3),1`` are 2, 2, 2 and 1."""
    found = re.findall(r"(\d+)(?:\(x(\d+)\))?", os.environ.get("SLURM_STEP_TASKS_PER_NODE", ""))
    return [int(count) for count, times in found for _ in range(int(times or 1))]


def uneven_tasks() -> list[int]:
    """Return how many tasks srun has started on each machine, if these are not equally many."""
    counts = _tasks_of_nodes() if ranks().launcher == "srun" else []
    return counts if len({*counts}) > 1 else []


def unused_tasks() -> int:
    """Return for how many tasks a job of SLURM has room, if this process is none of them; 0 outside of such a job."""
    return 0 if ranks().launcher else _number("SLURM_NPROCS", 0)


def settle_slurm() -> None:
    """Have the variables from which Lightning learns who it is say what `ranks` says.

    Its own reading takes a batch script for the first task of its job, and tasks of a job that is called interactive
    for processes that don't know of each other; it refuses tasks without ``--ntasks-per-node``.
    """
    here = _of_slurm()
    if here is None:
        os.environ.pop("SLURM_NTASKS", None)
        return
    os.environ |= {
        "SLURM_JOB_NAME": "srun",
        "SLURM_NTASKS": str(here.world),
        "SLURM_NTASKS_PER_NODE": str(here.local_world),
        "SLURM_NNODES": str(here.machines),
    }
    if nodes := os.environ.get("SLURM_STEP_NODELIST"):
        os.environ["SLURM_NODELIST"] = nodes


def _of_lsf() -> Ranks | None:
    if "LSB_JOBID" not in os.environ or "JSM_NAMESPACE_RANK" not in os.environ:
        return None
    world = _number("JSM_NAMESPACE_SIZE", 1)
    parts = (os.environ["LSB_JOBID"], os.environ.get("JSM_NAMESPACE_ID", ""))
    return Ranks(
        _number("JSM_NAMESPACE_RANK", 0), world, _number("JSM_NAMESPACE_LOCAL_SIZE", world), "jsrun", "-".join(parts)
    )


def _of_mpi() -> Ranks | None:
    for rank, size, local in (
        ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"),
        ("PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"),
    ):
        if rank in os.environ and (world := _number(size, 1)) > 1:
            job = os.environ.get("PMIX_NAMESPACE", "")
            return Ranks(_number(rank, 0), world, _number(local, world), "mpirun", job)
    return None
