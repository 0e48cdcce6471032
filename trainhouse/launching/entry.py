"""What every script shares: compose with Hydra, run the act, end a user's mistake in one line.

Imports nothing heavy, so that `--help`, `--cfg` and tab completion answer at once.
"""

import functools
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from trainhouse.configuration.errors import Interrupted, MistakesError, UserError, fault_of_the_machine
from trainhouse.configuration.home import with_home
from trainhouse.configuration.hydra_versions import VERSION_BASE, allowed
from trainhouse.configuration.places import overrides_of, with_whole_paths
from trainhouse.configuration.printable import printable
from trainhouse.configuration.schema import CONF
from trainhouse.configuration.speed import fast
from trainhouse.launching.answers import answer
from trainhouse.launching.arranging import arrange
from trainhouse.launching.below_swept import left_to_the_jobs
from trainhouse.launching.chosen_files import check_chosen_files
from trainhouse.launching.compose_errors import COMPOSING, explain, is_of_composing
from trainhouse.launching.early_signals import end_at_once, end_by_signals, raise_if_stopped, unless_stopped
from trainhouse.launching.failure import keep_traceback, report, tell_of_thread
from trainhouse.launching.files_there import check_files
from trainhouse.launching.foreign_config import check_foreign_config
from trainhouse.launching.job_devices import take_given_ranks
from trainhouse.launching.job_ranks import JobFailedError, JobStoppedError, is_elsewhere, run_where_it_belongs
from trainhouse.launching.logging import BusyError, log_to
from trainhouse.launching.this_process import as_it_is, asks_for_tracebacks, put_back, start_in_utf8
from trainhouse.machine.cores import share_cores
from trainhouse.machine.garbage import search_as_usual, search_rarely
from trainhouse.machine.mpi import prepare_mpi
from trainhouse.machine.ranks import settle_slurm, tell_torchrun
from trainhouse.machine.sweep_worker import check_not_stopped, prepare_worker
from trainhouse.machine.terminal import fold, start_of_line
from trainhouse.machine.writes import FOREIGN_CONFIG, only_below
from trainhouse.runs.layout import LOG
from trainhouse.runs.litter import forget, remove_litter
from trainhouse.runs.outputs import is_placed, place
from trainhouse.runs.rendezvous import leave, say_failed, watch
from trainhouse.runs.this_job import has_log, is_sweep_job, is_worker_rank

_log = logging.getLogger(__name__)

# What the keys of `hydra` may name, beside what is checked when it is built: callbacks, launchers, handlers of logs.
_OF_HYDRA = ["hydra.*", "hydra_plugins.*", "logging.*", "src.*", "trainhouse.*"]


Act = Callable[[DictConfig], float | None]


def script(
    config_name: str, open_groups: tuple[str, ...] = (), trains: bool = False
) -> Callable[[Act], Callable[[], None]]:
    """Make `act(config)` a command: ``python <script>.py key=value ...``.

    `open_groups` are config groups that get their keys from a checkpoint, not from ``conf/``: a key below
    them can be given on the command line without Hydra's ``+``, and is checked when the checkpoint is read.
    A command that `trains` keeps the cores busy for long, of which others on the machine take notice.
    """

    def decorate(act: Act) -> Callable[[], None]:
        @functools.wraps(act)
        def main() -> None:
            start_in_utf8()
            end_by_signals(trains)
            before = as_it_is()
            show_traceback = asks_for_tracebacks()
            threading.excepthook = functools.partial(tell_of_thread, threading.excepthook, show_traceback)
            if not trains and is_worker_rank():  # the first process does the work, once
                return
            try:
                prepare_mpi(works_together=trains)
                search_rarely()
                sys.argv[1:] = with_home(sys.argv[1:])
                arrange(CONF, config_name, open_groups)
                if quick := fast("quick_hydra"):
                    quick.answer_sooner(CONF)
                if foreign := check_foreign_config(sys.argv[1:], CONF, config_name):
                    if not trains:
                        raise UserError(
                            f"{foreign}: train.py alone runs what another user account has configured (or an older "
                            "version); type the keys instead, or put the file into conf/"
                        )
                    os.environ[FOREIGN_CONFIG] = str(foreign)  # the processes of a sweep run it too
                if page := answer(sys.argv[1:], CONF, config_name):
                    print(page, flush=True)
                    return
                sys.argv[1:] = left_to_the_jobs(sys.argv[1:])
                job = functools.partial(
                    _run_job, act, config_name, trains, show_traceback, str(Path(act.__code__.co_filename).resolve())
                )
                functools.update_wrapper(job, act)
                command = hydra.main(**VERSION_BASE, config_path=str(CONF), config_name=config_name)(job)
                with allowed(_OF_HYDRA), _leaving_no_litter():
                    unless_stopped(command)
            except BrokenPipeError:  # `python train.py --help | head`; Python would complain of it once more at its end
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                sys.exit(1)
            except (UserError, JobFailedError) as error:
                if show_traceback and error.__cause__ is not None:
                    traceback.print_exc()
                sys.exit(_refusal(error, lines=isinstance(error, MistakesError)))
            except (*COMPOSING, TypeError) as error:
                if show_traceback or not is_of_composing(error):
                    raise
                sys.exit(_refusal(explain(error, CONF, config_name, sys.argv[1:]), lines=True))
            except OSError as error:  # of a file of Hydra's own, or of the log
                if show_traceback or (fault := fault_of_the_machine(error)) is None:
                    raise
                sys.exit(_refusal(fault))
            except (KeyboardInterrupt, Interrupted) as stopped:
                tell_torchrun(str(stopped) or "interrupted")
                end_at_once()  # also what libraries do at exit
                if not is_worker_rank():
                    before_it = start_of_line() if sys.stderr.isatty() else ""
                    said = fold(printable(stopped, lines=True) or "interrupted", sys.stderr)
                    print(before_it + said, file=sys.stderr)
                sys.exit(stopped.exit_status if isinstance(stopped, Interrupted) else 128 + signal.SIGINT)
            finally:
                search_as_usual()
                leave()
                put_back(before)

        return main

    return decorate


def _refusal(error: object, lines: bool = False) -> str | int:
    """Return what to exit with: the line, unless another process of the same run says it."""
    line = say_failed(printable(error, lines=lines))
    return fold(f"error: {line}", sys.stderr) if line else 1


@contextmanager
def _leaving_no_litter() -> Iterator[None]:
    """Remove the folder that the block has claimed if it fails before anything worth keeping was made."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, SystemExit) or error.code:
            remove_litter()
        if isinstance(error, SystemExit) and isinstance(error.code, str):  # of the claim
            error.code = _refusal(error.code.removeprefix("error: "))
        if isinstance(error, Exception) and is_placed():  # what a job has met has been kept already
            keep_traceback()
        raise
    finally:
        forget()


def _run_job(act: Act, command: str, trains: bool, show_traceback: bool, file: str, config: DictConfig) -> float | None:
    """Run one job, here or in processes of its own, which run the same `file`."""
    settle_slurm()
    here = functools.partial(_run_here, act, command, trains, show_traceback, config)
    return run_where_it_belongs(here, file, config) if trains else here()


def _run_here(act: Act, command: str, trains: bool, show_traceback: bool, config: DictConfig) -> float | None:
    """Run one job with its log. Of a sweep's job the terminal hears nothing: the sweep says how it ended."""
    hydra_config = HydraConfig.get()
    in_sweep = trains and is_sweep_job()  # of other commands each job says what it finds, and the first error ends all
    elsewhere = in_sweep and is_elsewhere()
    has_folder = has_log(config)
    folder = Path(hydra_config.runtime.output_dir)
    try:
        with log_to(folder / LOG if has_folder else None, on_terminal=not in_sweep and not is_worker_rank()):
            try:
                raise_if_stopped()
                if in_sweep:
                    check_not_stopped()
                else:
                    share_cores(trains and not is_worker_rank())
                if elsewhere:
                    prepare_worker()
                place(config, overrides_of(hydra_config))
                with_whole_paths(config, hydra_config)
                if trains:
                    take_given_ranks(config, overrides_of(hydra_config))
                    watch()
                check_chosen_files(config, hydra_config.runtime.choices, hydra_config.overrides.task)
                check_files(config, command)
                with only_below(os.environ.get(FOREIGN_CONFIG), folder):
                    return _interruptible(act, config)
            except (KeyboardInterrupt, Interrupted) as stopped:
                _log.error(str(stopped) or "interrupted", extra={"file_only": True})
                if elsewhere:  # the sweep's own process knows already
                    raise JobStoppedError(str(stopped) or "interrupted") from None
                raise
            except Exception as error:
                message = report(error, show_traceback, quiet=in_sweep)
    except (UserError, OSError) as error:  # no log could be opened
        fault = None if isinstance(error, UserError) else fault_of_the_machine(error)
        message = f"error: {printable(fault or error)}"
        # Where a process that the sweep had started before still works, that one says how the job ends.
        if in_sweep and isinstance(error, BusyError):
            raise JobStoppedError(str(error)) from None
        if not in_sweep:
            print(fold(message, sys.stderr), file=sys.stderr)
    if not in_sweep:
        sys.exit(1)
    raise JobFailedError(message.removeprefix("error: "))


def _interruptible(act: Act, config: DictConfig) -> float | None:
    """Call `act`, which Ctrl-C ends as it ends all else: Lightning would exit without a word, and ignore it then."""
    try:
        return act(config)
    except SystemExit as error:
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        signal.signal(signal.SIGINT, signal.default_int_handler)
        raise KeyboardInterrupt from None
