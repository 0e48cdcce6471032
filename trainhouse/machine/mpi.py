"""Processes that mpirun has started: by mpi4py, as Lightning has it, they know of each other."""

import os
import uuid
from functools import cache
from typing import Any

from trainhouse.configuration.errors import UserError
from trainhouse.machine.ranks import ranks

MADE_UP_TERMINAL = "OMPI_UNIVERSE_SIZE"
"""Set by Open MPI, which gives processes a terminal even where their output goes into a file."""
_OF_MPIRUN = ("OMPI_", "PMIX_", "PMI_", "PRTE_", "HYDI_", "MPI_LOCAL")


def prepare_mpi(works_together: bool) -> None:
    """Make sure that mpirun's processes find one another; or, if the first works alone, that it waits for no other.

    Raises `UserError` if they can't find one another: each would train by itself, or wait for ever.
    """
    here = ranks()
    if here.launcher != "mpirun":
        return
    os.environ.pop("SLURM_NTASKS", None)  # within a job of SLURM's Lightning would take them for tasks of srun
    if not works_together:
        for name in [name for name in os.environ if name.startswith(_OF_MPIRUN) and name != MADE_UP_TERMINAL]:
            del os.environ[name]
        return
    if (world := _world()) is None:
        raise UserError(
            f"mpirun has started {here.world} processes, which find one another by mpi4py, and that is not there, or "
            "finds no MPI; pip install mpi4py"
        )
    if world.Get_size() != here.world:
        raise UserError(
            f"mpirun has started {here.world} processes, but mpi4py knows of {world.Get_size()}: it uses another MPI; "
            f"start them by the mpirun of {_library()}, or install mpi4py for the MPI that this mpirun is of"
        )


@cache
def job_of_mpi() -> str:
    """Return a name that the processes of one mpirun share and no others have; "" if they don't know of each other."""
    world = _world()
    if world is None or world.Get_size() != ranks().world:
        return ""
    return str(world.bcast(uuid.uuid4().hex))


def _world() -> Any:
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError):  # it is there, and the MPI that it is for is not
        return None
    return MPI.COMM_WORLD


def _library() -> str:
    from mpi4py import MPI

    return str(MPI.Get_library_version()).splitlines()[0].partition(",")[0].strip()
