"""Runs a sweep: what a plan chooses, a launcher does; in the end, however it comes, what there is is written down."""

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from src.sweeps.folder import has_begun
from src.sweeps.job import FAIL, Job
from src.sweeps.plan import Plan, Task
from src.sweeps.progress import Progress
from src.sweeps.results import write_results
from src.sweeps.summary import summary
from src.utils.best_of_sweep import BEST
from src.utils.errors import Interrupted, UserError
from src.utils.run_folder import STOP_SWEEP, as_override, shown_path

Launch = Callable[[Sequence[Task]], list[str | None]]
"""Runs tasks and returns for each why it could not run, or None."""


def run_sweep(plan: Plan, launch: Launch, folder: Path, batch: int | None, parallel: bool, command: str) -> None:
    """Launch what `plan` chooses, `batch` jobs at a time (None: all at once), until there is nothing left.

    When it ends, by itself or by a signal, `folder` has the results, and the terminal the table. `command` goes
    on with it. Raises `Interrupted` after a signal, and `UserError` if a job of a grid, or every trial, has failed.
    """
    stop = folder / STOP_SWEEP
    stop.unlink(missing_ok=True)
    try:
        with Progress(plan, folder) as progress, _stopping(stop, parallel) as stopped:
            progress.say(_opening(plan, folder))
            while not stopped and (tasks := plan.next(batch)):
                errors = _launched(launch, tasks, folder, stopped, command)
                for task, error_line in zip(tasks, errors, strict=True):
                    plan.ended(task, error_line)
                progress.look()
        if stopped:
            raise Interrupted(stopped[0], f"stopped by {signal.Signals(stopped[0]).name}")
    except (KeyboardInterrupt, Interrupted) as error:
        _close(plan, folder)
        signum = error.signum if isinstance(error, Interrupted) else signal.SIGINT
        raise Interrupted(signum, f"{error or 'interrupted'}\ncontinue with: {command}") from error
    except UserError:
        _close(plan, folder)
        raise
    jobs = _close(plan, folder)
    failed = [job for job in jobs if job.state == FAIL]
    if failed and (plan.what == "job" or len(failed) == len(jobs)):
        raise UserError(
            f"{len(failed)} of the sweep's {len(jobs)} {plan.what}s failed, as told above; to run what failed once "
            f"more: {command}"
        )
    print(f"\nnext:  python select_best_model.py {as_override('runs', folder)}")


def _launched(
    launch: Launch, tasks: Sequence[Task], folder: Path, stopped: list[int], command: str
) -> list[str | None]:
    """Launch `tasks`, once more those that never began because another one's process was killed."""
    errors: dict[int, str | None] = {}
    left = list(tasks)
    while left:
        try:
            errors |= {task.number: error for task, error in zip(left, launch(left), strict=True)}
            break
        except Exception as error:
            if stopped:  # a worker process that the signal has ended
                break
            begun = [task for task in left if has_begun(folder / str(task.number))]
            if type(error).__name__ != "TerminatedWorkerError" or not begun:
                first = (str(error).splitlines() or [""])[0]
                raise UserError(f"launcher: {type(error).__name__}: {first}; continue with: {command}") from error
            killed = "its process, or one beside it, was killed, probably for lack of memory"
            errors |= {task.number: killed for task in begun}
            left = [task for task in left if task not in begun]
    return [errors.get(task.number) for task in tasks]


def _opening(plan: Plan, folder: Path) -> str:
    jobs = plan.jobs()
    done = sum(job.state in ("COMPLETE", "PRUNED") for job in jobs)
    before = f", {done} of them done before" if done else ""
    count = f"{plan.total()} {plan.what}{'' if plan.total() == 1 else 's'}"
    note = f"note    {plan.note}\n" if plan.note else ""
    return f"sweep   {count}{before}\nfolder  {shown_path(folder)}\n{note}"


def _close(plan: Plan, folder: Path) -> list[Job]:
    """Write the results and draw the figures; print the table. A figure that can't be drawn costs nothing else."""
    jobs = plan.jobs()
    write_results(folder, jobs, plan.objectives)
    text = summary(jobs, plan.objectives, limit=20 if plan.what == "trial" else None, what=plan.what)
    files = "results.csv, best.yaml and figures are" if (folder / BEST).exists() else "results.csv is"
    print(f"\n{text}\n\n{files} in {shown_path(folder)}", flush=True)
    try:
        from src.sweeps.figures import write_figures

        write_figures(folder, jobs, plan.objectives)
    except Exception as error:
        print(f"warning: figures: {type(error).__name__}: {error}", file=sys.stderr)
    return jobs


@contextmanager
def _stopping(mark: Path, parallel: bool) -> Iterator[list[int]]:
    """A signal here leaves the file `mark`: jobs in other processes save and stop, and no other job begins.

    Yields the signals that have come. A second one ends the program. A job in this process has a handler of its own
    while it trains; at other times the signal ends what is being done, at the latest with the next job: Python drops
    what a handler raises in the middle of some of its own work.
    """
    received: list[int] = []

    def handle(signum: int, frame: FrameType | None) -> None:
        if received:
            sys.exit(128 + signum)
        received.append(signum)
        mark.touch()
        if not parallel:
            raise Interrupted(signum)
        print("\nstopping: the running jobs finish their batch and save (once more ends at once)", file=sys.stderr)

    before: dict[int, Any] = {}
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signum = getattr(signal, name, None)
        if signum is not None and signal.getsignal(signum) is not signal.SIG_IGN:
            before[signum] = signal.signal(signum, handle)
    try:
        yield received
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
