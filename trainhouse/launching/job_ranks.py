"""A job of a sweep with several devices is trained by processes of its own, which the sweep's process starts.

It is none of them itself: a process that is lost, or a group of processes that is broken, ends with its job, and the
next job begins with new ones. They stop as all jobs of a sweep do, by a file; a signal to this process leaves it.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, flag_override

from trainhouse.configuration.bounded import read_mapping
from trainhouse.configuration.errors import Interrupted, UserError
from trainhouse.configuration.places import overrides_of
from trainhouse.launching.job_devices import processes_of, uses_accelerators
from trainhouse.launching.logging import log_to
from trainhouse.machine.cores import available_cores
from trainhouse.machine.files import write_json
from trainhouse.machine.own_folder import own_folder
from trainhouse.machine.rank_processes import RankProcesses
from trainhouse.machine.sweep_worker import (
    ask_to_stop_by,
    check_not_stopped,
    end_without_parent,
    is_launchers_process,
    prepare_worker,
    stop_asked,
    take_accelerators,
)
from trainhouse.runs.job_of_ranks import PLACE, Answer, answer, answer_of, is_rank_of_job, resolved, tell_job
from trainhouse.runs.layout import LOG, METRICS
from trainhouse.runs.outputs import place
from trainhouse.runs.rendezvous import heard_run, is_shared, leave, say_failed, say_run
from trainhouse.runs.requeued import fate_of_job
from trainhouse.runs.this_job import is_requeued_job, is_sweep_job, is_worker_rank

_log = logging.getLogger(__name__)


class JobFailedError(Exception):
    """One job of a sweep could not be run to its end; the sweep says so, and runs the others."""


class JobStoppedError(JobFailedError):
    """One job of a sweep was stopped by a signal; it can be resumed."""


def is_elsewhere() -> bool:
    """Whether this process, which runs a job of a sweep, is another one than the sweep's own."""
    is_basic = HydraConfig.get().launcher["_target_"].endswith(".BasicLauncher")
    return is_rank_of_job() or (not is_basic and not is_launchers_process())


def run_where_it_belongs(here: Callable[[], float | None], script: str, config: DictConfig) -> float | None:
    """Call `here`, or have processes of `script` do the job: one of a sweep that needs several, or a group of one.

    Those that SLURM has started for the job are there already.
    """
    if is_rank_of_job():
        return _answered(here)
    if is_sweep_job() and is_shared():
        return _with_other_tasks(here, config)
    if not is_sweep_job() or not (count := processes_of(config)):
        return here()
    elsewhere = is_elsewhere()
    if elsewhere:
        prepare_worker()
    try:
        return _run_in_processes(script, config, count, elsewhere and uses_accelerators(config.trainer))
    except Interrupted as stopped:
        if elsewhere:
            raise JobStoppedError(str(stopped)) from None
        raise


def _with_other_tasks(here: Callable[[], float | None], config: DictConfig) -> float | None:
    """Do the job as one of the tasks that SLURM has started for it: the first says what it is, and if it resumes."""
    hydra_config = HydraConfig.get()
    folder = Path(hydra_config.runtime.output_dir)
    place(config, overrides_of(hydra_config))
    if is_worker_rank():
        said = heard_run()
        with flag_override(config, ["struct", "readonly"], False):
            for key, value in said["config"].items():
                config[key] = value
    else:
        if is_requeued_job(folder):
            config.resume = str(folder)
        say_run({"config": resolved(config)})
    try:
        return here()
    except JobStoppedError:
        raise
    except JobFailedError as error:
        say_failed(str(error))
        raise
    finally:
        leave()


def _answered(run: Callable[[], float | None]) -> float | None:
    """Do the job as one of its processes; the process that has started this one hears how it ended."""
    end_without_parent()
    try:
        value = run()
    except JobFailedError as error:
        answer(Answer(error=str(error), is_stopped=isinstance(error, JobStoppedError)))
        sys.exit(1)
    answer(Answer(value))
    return value


def _run_in_processes(script: str, config: DictConfig, count: int, takes_accelerators: bool) -> float | None:
    """Have `count` processes of `script` do this job of a sweep; return the value of the first.

    Raises `JobFailedError` with the line of the one that failed first, and `Interrupted` if they were stopped.
    """
    hydra_config: Any = HydraConfig.get()
    folder = Path(hydra_config.runtime.output_dir)
    check_not_stopped()
    is_given = "SLURM_JOB_ID" in os.environ or "ray" in sys.modules
    if takes_accelerators and not is_given and not take_accelerators(count):
        raise JobFailedError(f"trainer.devices: {count}, but other trials have the accelerators of this machine")
    with own_folder("ranks") as told_in:
        mark = told_in / f"stop-{os.getpid()}"
        tell_job(told_in, config, hydra_config, folder)
        processes = RankProcesses([sys.executable, script, "hydra.mode=RUN"], count, _environment(mark, count), told_in)
        try:
            with _stopping(mark, processes) as (received, handed_on):
                processes.wait(lambda: mark.touch() if stop_asked() else None)
        finally:
            processes.kill()
        for signum, hand_on in handed_on.items():
            fate = fate_of_job() if received and received[0] == signal.SIGTERM else ""
            if fate == "requeued":
                sys.exit(128 + received[0])  # without a result: the sweep waits for that of the job when it is back
            if (received and received[0] == signum) or fate == "preempted":
                hand_on(signum, None)  # ends this process, and puts its job back into the queue
        return outcome_of(told_in, processes, folder, received)


def _environment(mark: Path, count: int) -> dict[str, str]:
    threads = os.environ.get("OMP_NUM_THREADS", "")
    share = max(1, (int(threads) if threads.isdecimal() else available_cores()) // count)
    asked = os.environ.get("TRAINHOUSE_FULL_ERROR", "0")
    env = {**os.environ, PLACE: str(mark.parent), "OMP_NUM_THREADS": str(share), "HYDRA_FULL_ERROR": asked}
    return ask_to_stop_by(mark, env)


def outcome_of(told_in: Path, processes: RankProcesses, folder: Path, received: list[int]) -> float | None:
    """Return the value of a job whose processes have ended. Raises `JobFailedError` with the line of what failed."""
    first, rank = answer_of(told_in, 0), processes.first_failed or 0
    said = answer_of(told_in, rank)
    line = (said.error if rank == 0 else f"rank {rank}: {said.error}") if said else processes.how_it_ended(rank)
    if first and not first.error:
        if rank != 0:
            _log.warning("warning: the job is done, but %s", line)
        return first.value
    if first and first.is_stopped and (received or stop_asked()):
        raise Interrupted(received[0] if received else signal.SIGINT, first.error)
    with suppress(OSError, UserError):
        _record(folder, line)
    raise JobFailedError(line)


def _record(folder: Path, line: str) -> None:
    """Keep why the job failed: its first process can't know of another one but that it is gone."""
    with log_to(folder / LOG, on_terminal=False):
        _log.error("error: %s", line, extra={"file_only": True})
    content = read_mapping(folder / METRICS)
    if content is not None and content.get("status") not in ("completed", "pruned"):
        write_json(folder / METRICS, {**content, "status": "failed", "error": line})


@contextmanager
def _stopping(mark: Path, processes: RankProcesses) -> Iterator[tuple[list[int], dict[int, Any]]]:
    """A signal asks the processes to save and end; a second one ends them at once, and this process with them.

    Yields the signals that come, and the handlers of those by which a cluster takes a job off a machine.
    """
    received: list[int] = []

    def handle(signum: int, frame: FrameType | None) -> None:
        if received:
            processes.kill()
            os._exit(128 + signum)
        received.append(signum)
        with suppress(OSError):
            mark.touch()
        name = signal.Signals(signum).name
        os.write(2, f"{name}: finishing this batch, then saving (once more ends at once)\n".encode())

    before: dict[int, Any] = {}
    handed_on: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2"):
            signum = getattr(signal, name, None)
            if signum is None or (there := signal.getsignal(signum)) is signal.SIG_IGN:
                continue
            if name == "SIGUSR2":
                if not callable(there):
                    continue
                handed_on[signum] = there
            before[signum] = signal.signal(signum, handle)
    try:
        yield received, handed_on
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
