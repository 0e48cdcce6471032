"""A command that SLURM, or torchrun, starts again resumes the run that it was stopped in."""

import os
import socket
import sys
from pathlib import Path

from trainhouse.configuration.bounded import read_mapping
from trainhouse.machine.files import write_json
from trainhouse.machine.rank_processes import hold_port
from trainhouse.machine.writes import unrefused
from trainhouse.runs.outputs import outputs
from trainhouse.runs.rendezvous import remembered_run

_held: list[socket.socket] = []  # until the process ends


def remember_to_requeue(folder: Path) -> None:
    """Note that this command, when its SLURM job is started again, resumes the run in `folder`."""
    with unrefused():
        write_json(_requeue_note(), {"command": sys.argv, "folder": str(folder)})


def requeued_folder() -> str | None:
    """Return the folder of the run in which this command was stopped, if it is started again after that.

    SLURM does so with a job that was requeued; torchrun with its processes when one has failed, or a machine is lost.
    """
    if folder := remembered_run():
        return folder
    if int(os.environ.get("SLURM_RESTART_COUNT", "0")) > 0 and _requeue_note().is_file():
        note = read_mapping(_requeue_note()) or {}
        return str(note.get("folder")) if note.get("command") == sys.argv else None
    return None


def port_of_restart() -> int | None:
    """Return where the processes that torchrun has started again are to meet, as their first; None at the first start.

    In torchrun's own store they would find addresses of the processes before, which nobody answers any more.
    """
    if remembered_run() is None:
        return None
    held, port = hold_port("")
    _held.append(held)
    return port


def meet_at(port: int | None) -> None:
    """Have this process meet the others at a port of the first one's machine; None changes nothing."""
    if port is not None:
        os.environ |= {"MASTER_PORT": str(port), "TORCHELASTIC_USE_AGENT_STORE": "False"}


def _requeue_note() -> Path:
    task = os.environ.get("SLURM_ARRAY_TASK_ID", "")
    return outputs() / f".requeued_{os.environ.get('SLURM_ARRAY_JOB_ID') or os.environ.get('SLURM_JOB_ID')}_{task}"
