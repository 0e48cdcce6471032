"""Runs a sweep: what a plan chooses, a launcher does; in the end, however it comes, what there is is written down."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from trainhouse.configuration.errors import Interrupted, UserError, fault_of_the_machine, first_line
from trainhouse.configuration.printable import printable
from trainhouse.machine.terminal import fold, table_width
from trainhouse.reports.advice import selection
from trainhouse.runs.best_of_sweep import BEST
from trainhouse.runs.layout import LOG
from trainhouse.runs.typed import shown_path
from trainhouse.sweeps.job import FAIL, Job
from trainhouse.sweeps.plan import Plan, Task
from trainhouse.sweeps.progress import Progress
from trainhouse.sweeps.repeats import why_none_is_best
from trainhouse.sweeps.result_files import write_results
from trainhouse.sweeps.side_by_side import LauncherError, run_side_by_side
from trainhouse.sweeps.summary_text import summary

Launch = Callable[[Sequence[Task]], list[str | None]]
"""Runs tasks and returns for each why it could not run, or None."""
_TIME_TO_STOP = 30.0  # seconds


def run_sweep(
    plan: Plan,
    launch: Launch,
    folder: Path,
    batch: int | None,
    parallel: bool,
    command: str,
    mark: Path,
    side_by_side: bool = False,
) -> None:
    """Launch what `plan` chooses, `batch` jobs at a time (None: all at once), until there is nothing left.

    If the launcher can be called `side_by_side`, a job that ends makes room for the next, however long others take.

    When it ends, by itself, by a signal or by an error, `folder` has the results, and the terminal the table. `command`
    resumes it; the file `mark` asks its jobs to stop. Raises `Interrupted` after a signal, and `UserError` if a
    job of a grid, or every trial, has failed, or if a job was stopped by itself.
    """
    plan.start()
    try:
        with Progress(plan, folder) as progress, _stopping(mark, parallel) as stopped:
            progress.say(_opening(plan, folder))
            if side_by_side and batch:
                run_side_by_side(plan, launch, batch, stopped, progress.look)
            while not side_by_side and not stopped and (tasks := plan.next(batch)):
                _run(tasks, plan, launch, folder, stopped)
                progress.look()
        if stopped:
            raise Interrupted(stopped[0], f"stopped by {signal.Signals(stopped[0]).name}")
    except (KeyboardInterrupt, Interrupted) as error:
        with suppress(OSError):  # the first error is the one to fix
            _close(plan, folder)
        signum = error.signum if isinstance(error, Interrupted) else signal.SIGINT
        raise Interrupted(signum, f"{error or 'interrupted'}\n{_how_to_continue(plan, command)}") from error
    except LauncherError as error:
        try:
            _stop_what_runs(plan, error.begun, mark)
        finally:
            with suppress(OSError):
                _close(plan, folder)
        stopped_too = (
            "; the other trials that it had started were asked to save and stop" if len(error.begun) > 1 else ""
        )
        raise UserError(f"{error}{stopped_too}; {_how_to_continue(plan, command)}") from error
    except Exception as error:
        message = str(error) if isinstance(error, UserError) else fault_of_the_machine(error)
        with suppress(OSError):
            _close(plan, folder)
        if message and plan.is_kept:
            raise UserError(f"{message}; once that is fixed, {_how_to_continue(plan, command)}") from error
        raise
    try:
        jobs = _close(plan, folder)
    except OSError as error:
        message = fault_of_the_machine(error) or str(error)
        raise UserError(f"{message}; once that is fixed, {_how_to_continue(plan, command)}") from error
    jobs = [job for job in jobs if plan.is_asked_for(job.number)]
    failed = [job for job in jobs if job.state == FAIL]
    if failed and (not plan.is_search or len(failed) == len(jobs)):
        raise UserError(
            f"{len(failed)} of the sweep's {len(jobs)} trials failed, as said above"
            + (f"; to run what failed again: {command}" if plan.is_kept else "")
        )
    if stopped_alone := [str(job.number) for job in jobs if job.state == "INTERRUPTED"]:
        raise UserError(
            f"trial {', '.join(stopped_alone)} was stopped before its end; {_how_to_continue(plan, command)}"
        )
    if running := sum(job.state == "RUNNING" for job in jobs):
        print(f"\nstill run by other processes: {running} trial{'' if running == 1 else 's'}")
    if (folder / BEST).exists() and (advised := selection(folder, with_others=False)):
        print(f"\nnext:  {advised}")


def _how_to_continue(plan: Plan, command: str) -> str:
    if plan.is_kept:
        return f"continue with: {command}"
    return "it can't be resumed, since nothing keeps it; set hydra.sweeper.storage for another time"


def _stop_what_runs(plan: Plan, begun: set[int], mark: Path) -> None:
    """Have jobs save and stop that a launcher has left running, on other machines perhaps: nobody waits for them."""
    with suppress(OSError):
        mark.touch()
    until = time.monotonic() + _TIME_TO_STOP
    while time.monotonic() < until and any(job.state == "RUNNING" and job.number in begun for job in plan.jobs()):
        time.sleep(0.5)


def _run(tasks: Sequence[Task], plan: Plan, launch: Launch, folder: Path, stopped: list[int]) -> None:
    """Launch `tasks` and tell `plan` how they ended.

    joblib gives up all its jobs when the process of one is killed: those that had not begun are launched again.
    """
    left = list(tasks)
    while left:
        before = {task.number: _last_sign(folder, task) for task in left}
        try:
            errors = launch(left)
        except Exception as error:
            begun = [task for task in left if _last_sign(folder, task) != before[task.number]]
            killed = type(error).__name__ == "TerminatedWorkerError"
            for task in begun:
                is_over = not killed or stopped  # its own record says how it ended, or that it runs
                plan.ended(task, None if is_over else "its process, or one beside it, was killed; memory may be short")
            if stopped:  # a worker process that the signal has ended
                return
            if not killed or not begun:
                numbers = {task.number for task in begun}
                message = fault_of_the_machine(error) or f"{type(error).__name__}: {first_line(error)}"
                raise LauncherError(f"launcher: {message}", numbers) from error
            left = [task for task in left if task not in begun]
        else:
            for task, error_line in zip(left, errors, strict=True):
                plan.ended(task, error_line)
            return


def _last_sign(folder: Path, task: Task) -> int | None:
    """When a job's run last wrote into its log; None if it never did."""
    log = folder / str(task.number) / LOG
    return log.stat().st_mtime_ns if log.exists() else None


def _opening(plan: Plan, folder: Path) -> str:
    jobs = plan.jobs()
    done = sum(job.state in ("COMPLETE", "PRUNED") for job in jobs)
    before = f", {done} of them done before" if done else ""
    count = f"{plan.total()} trial{'' if plan.total() == 1 else 's'}"
    note = f"note    {plan.note}\n" if plan.note else ""
    drawn = f"search  {plan.drawn}\n" if plan.drawn else ""
    return f"sweep   {count}{before}\n{drawn}folder  {shown_path(folder)}\n{note}"


def _close(plan: Plan, folder: Path) -> list[Job]:
    """Print the table, write the results and draw the figures. A figure that can't be drawn costs nothing else.

    Raises `OSError` for results that can't be written; the table has been printed then.
    """
    jobs = plan.jobs()
    text = summary(jobs, plan.objectives, limit=20 if plan.is_search else None, width=table_width())
    print(printable(f"\n{text}\n", lines=True), flush=True)
    write_results(folder, jobs, plan.objectives)
    files = "results.csv, best.yaml and figures are" if (folder / BEST).exists() else "results.csv is"
    print(fold(printable(f"{files} in {shown_path(folder)}")), flush=True)
    if why_none_is_best(jobs, plan.objectives):  # all figures are comparisons
        return jobs
    try:
        from trainhouse.sweeps.sweep_figures import write_figures

        write_figures(folder, jobs, plan.objectives, plan.logarithmic)
    except Exception as error:
        print(f"warning: figures: {type(error).__name__}: {printable(error)}", file=sys.stderr)
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
        with suppress(OSError):  # a full disk; what trains on this machine gets a terminal's signal itself
            mark.touch()
        if not parallel:
            raise Interrupted(signum)
        os.write(2, b"\nstopping: the running trials finish their batch and save (once more ends at once)\n")

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
