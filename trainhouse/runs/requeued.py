"""A command that SLURM, or torchrun, starts again resumes the run that it was stopped in."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from trainhouse.configuration.bounded import read_mapping
from trainhouse.machine.files import write_json
from trainhouse.machine.writes import unrefused
from trainhouse.runs.layout import CONFIG
from trainhouse.runs.outputs import outputs
from trainhouse.runs.rendezvous import remembered_run
from trainhouse.runs.this_job import is_sweep_job, is_worker_rank

REQUEUE = getattr(signal, "SIGUSR1", None)
"""Says in a SLURM job, by ``sbatch --signal=USR1@90``, that its time is over soon."""


def remember_to_requeue(folder: Path) -> None:
    """Note that this command, if its SLURM job is started again for any reason, resumes the run in `folder`.

    SLURM does so with jobs of sbatch alone.
    """
    if "SLURM_JOB_ID" in os.environ and os.environ.get("ENVIRONMENT") == "BATCH" and not is_sweep_job():
        with suppress(OSError), unrefused():  # where nobody can write, it begins again
            _note().parent.mkdir(parents=True, exist_ok=True)
            write_json(_note(), {"command": sys.argv, "folder": str(folder)})


def requeued_folder() -> str | None:
    """Return the folder of the run that this command has begun, if it is started again after that.

    SLURM does so with a job that was requeued; torchrun with its processes when one has failed, or a machine is lost.
    """
    if folder := remembered_run():
        return folder
    if int(os.environ.get("SLURM_RESTART_COUNT", "0")) > 0 and _note().is_file():
        note = read_mapping(_note()) or {}
        folder = str(note.get("folder"))
        return folder if note.get("command") == sys.argv and (Path(folder) / CONFIG).is_file() else None
    return None


def fate_of_job() -> str:
    """Return why SLURM ends this job by SIGTERM, as the first process of the job may ask it.

    That is ``preempted`` if it takes the job off its machines, which it puts back into its queue only if the job is
    still there at the end of its time of grace; ``requeued`` if it has done so already; else "".
    """
    if "SLURM_JOB_ID" not in os.environ or is_worker_rank():
        return ""
    try:
        asked = ["scontrol", "--oneliner", "show", "job", os.environ["SLURM_JOB_ID"]]
        said = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    restarts = re.search(r"\bRestarts=(\d+)", said)
    if restarts and int(restarts[1]) > int(os.environ.get("SLURM_RESTART_COUNT", "0")):
        return "requeued"
    is_preempted = re.search(r"\bJobState=RUNNING\b", said) and re.search(r"\bPreemptTime=\d", said)
    return "preempted" if is_preempted else ""


def put_back_into_queue() -> tuple[bool, str]:
    """Have SLURM put this job back into its queue, as its first process; return whether it has, and a line on it.

    SLURM then asks all processes of the job to end, which they are about to do: they hear no more of it.
    """
    for signum in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(signum, signal.SIG_IGN)
    if is_worker_rank():
        return True, ""
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    job = f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}" if array else os.environ["SLURM_JOB_ID"]
    try:
        subprocess.run(["scontrol", "requeue", job], check=True, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stderr", None) or error
        return False, f"job {job} was not put back into the queue: {str(reason).strip()}"
    return True, f"job {job} is back in the queue"


def _note() -> Path:
    """Return the place of a note of this job's and command's own: a job may run several, one after another."""
    job, task = (os.environ.get(f"SLURM_{name}", "") for name in ("JOB_ID", "ARRAY_TASK_ID"))
    command = hashlib.sha256(json.dumps(sys.argv).encode()).hexdigest()[:16]
    return outputs() / ".slurm" / f"{os.environ.get('SLURM_ARRAY_JOB_ID') or job}_{task}_{command}"
