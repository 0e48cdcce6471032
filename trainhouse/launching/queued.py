"""Jobs of a sweep that submitit runs, on a SLURM cluster or in processes of this machine: each has its own outcome.

Hydra's launcher ends with the first job that was lost, and takes its tasks for jobs that know nothing of each other.
"""

import re
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf

from trainhouse.launching.job_ranks import JobFailedError, JobStoppedError
from trainhouse.launching.slurm_queue import SlurmQueue
from trainhouse.runs.layout import LOG
from trainhouse.runs.this_job import is_worker_rank

_EXECUTORS = {"SlurmLauncher": "slurm", "LocalLauncher": "local"}
_LAST_ERROR = re.compile(r"^.{23} ERROR +error: (.+)$", re.MULTILINE)


def is_queued(launcher: Any) -> bool:
    """Whether submitit runs the jobs."""
    return type(launcher).__name__ in _EXECUTORS


def unpickle_nothing_found(launcher: Any) -> None:
    """Let submitit keep its pickles in a folder whose name nobody can have known.

    It takes a result that lies in the folder of a job's number for that of the job, and unpickles it: in a sweep's
    folder that comes from somebody else such files can lie ready.
    """
    params = getattr(launcher, "params", None)
    if isinstance(params, dict) and "submitit_folder" in params:
        folder = Path(params["submitit_folder"])
        params["submitit_folder"] = str(folder.parent / secrets.token_hex(8) / folder.name)


class _Job:
    """What submitit keeps of a job; each of its tasks calls it, and so does the job when it is back from the queue."""

    def __init__(self, launcher: Any) -> None:
        self.launcher = launcher

    def __call__(self, overrides: list[str], *others: Any) -> Any:
        """Run the job in Hydra, of which the first task alone keeps a record."""
        return self.launcher([*overrides, *(["hydra.output_subdir=null"] if is_worker_rank() else [])], *others)

    def checkpoint(self, *arguments: Any) -> Any:
        """Return what is to be run when the job is back: the same, which finds its run begun."""
        import submitit

        return submitit.helpers.DelayedSubmission(self, *arguments)


def launch_queued(launcher: Any, jobs: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
    """Queue `jobs`, of which the first has the number `first`; wait for all, and return what each has come to."""
    executor = _executor(launcher)
    numbers = range(first, first + len(jobs))
    state = Singleton.get_state()
    columns = zip(
        *[(list(job), "hydra.sweep.dir", number, "", state) for job, number in zip(jobs, numbers, strict=True)],
        strict=True,
    )
    queued = executor.map_array(_Job(launcher), *columns)
    is_slurm = _EXECUTORS[type(launcher).__name__] == "slurm"
    queue = SlurmQueue(str(queued[0].job_id).partition("_")[0]) if is_slurm else None
    folder = Path(str(launcher.config.hydra.sweep.dir))
    return [_outcome(job, queue, folder, lines) for job, lines in zip(queued, jobs, strict=True)]


def _executor(launcher: Any) -> Any:
    import submitit
    from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf

    kind, params = _EXECUTORS[type(launcher).__name__], dict(launcher.params)
    options = {"folder": params.pop("submitit_folder")}
    if "max_num_timeout" in params:
        options[f"{kind}_max_num_timeout"] = params.pop("max_num_timeout")
    executor = submitit.AutoExecutor(cluster=kind, **options)
    of_all = set(OmegaConf.structured(BaseQueueConf))
    executor.update_parameters(**{key if key in of_all else f"{kind}_{key}": value for key, value in params.items()})
    return executor


def _outcome(job: Any, queue: SlurmQueue | None, sweep: Path, lines: Sequence[str]) -> JobReturn:
    """Wait for the first task of a job, whatever becomes of the others: it is the one that says how the job ended."""
    import submitit

    first, ended = job.task(0), ""
    try:
        while not first.done():
            if queue and queue.has_lost(str(job.job_id)):
                break
            time.sleep(1)
        else:
            result: JobReturn = first.result()
            return result
    except (submitit.core.utils.UncompletedJobError, submitit.core.utils.FailedJobError) as error:
        state = re.search(r"\(state: ([^)]+)\)|state: (\w+)", str(error))
        ended = f", {state[1] or state[2]}" if state else ""
    lost = JobReturn(status=JobStatus.FAILED)
    if queue and job.job_id in queue.taken_out:
        lost.return_value = JobStoppedError("not run: the sweep was stopped")
        return lost
    subdir = next((line.partition("=")[2].strip("'") for line in lines if line.startswith("hydra.sweep.subdir=")), "")
    short = f"job {job.job_id} ended without a result{ended}; see {job.paths.stderr}"
    lost.return_value = JobFailedError(_last_error_in(sweep / subdir / LOG) or short)
    return lost


def _last_error_in(log: Path) -> str:
    """Return the last error that a run's log has; "" if none."""
    with suppress(OSError):
        return str((_LAST_ERROR.findall(log.read_text("utf-8", errors="replace")) or [""])[-1])
    return ""
