"""Says in one line what went wrong, and keeps the traceback: in the run's log, and in ``outputs/last_error.log``."""

import logging
import shlex
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from trainhouse.configuration.errors import MistakesError, UserError, fault_of_the_machine, refusal_of_lightning
from trainhouse.configuration.printable import printable
from trainhouse.launching.logging import log_traceback
from trainhouse.machine.files import write_text
from trainhouse.machine.terminal import fold
from trainhouse.machine.writes import unrefused
from trainhouse.runs.outputs import outputs
from trainhouse.runs.rendezvous import say_failed
from trainhouse.runs.this_job import is_worker_rank
from trainhouse.runs.typed import shown_path

_log = logging.getLogger(__name__)

NAME = "last_error.log"


def keep_traceback() -> Path | None:
    """Write down the exception in flight in place of the one before; return where, None if that can't be written.

    Never fails: what has gone wrong is said already.
    """
    if is_worker_rank():
        return None
    with suppress(Exception):
        path = outputs() / NAME
        command = shlex.join([Path(sys.executable).name, *sys.argv])
        began = f"{datetime.now().isoformat(sep=' ', timespec='seconds')}  {command}"  # as logs have it
        with unrefused():
            write_text(path, printable(f"{began}\n\n{traceback.format_exc()}", lines=True))
        return path
    return None


def report(error: Exception, show_traceback: bool, quiet: bool) -> str:
    """Say on the terminal in one line what went wrong, in the log with the traceback; return the line.

    A fault of the program, or of code that the user is writing, shows its traceback on the terminal too.
    """
    expected = (
        str(error) if isinstance(error, UserError) else fault_of_the_machine(error) or refusal_of_lightning(error)
    )
    has_lines = isinstance(error, MistakesError)
    line = (
        printable(f"{type(error).__name__}: {error}", lines=True)
        if expected is None
        else printable(expected, has_lines)
    )
    message = f"error: {line}"
    if not (line := say_failed(line)):
        return message
    message = f"error: {line}"
    if expected is not None:
        if not quiet:
            print(fold(message, sys.stderr), file=sys.stderr)
        _log.error(message, extra={"file_only": True})
        if not show_traceback:  # what is half made may fail again when it is thrown away
            sys.unraisablehook = lambda raised: None
    kept = keep_traceback() if not quiet else None  # of a sweep's job its own log has it
    if (expected is None and not quiet) or show_traceback:
        print(printable(traceback.format_exc(), lines=True), end="", file=sys.stderr)
    if expected is None and kept:
        print(f"the traceback is in {shown_path(kept)} too", file=sys.stderr)
    log_traceback(_log)
    return message


def tell_of_thread(
    otherwise: Callable[[threading.ExceptHookArgs], object], show_traceback: bool, raised: threading.ExceptHookArgs
) -> None:
    """Say in one line that a thread of a library, as TensorBoard's, met a full disk; all else as usual."""
    fault = fault_of_the_machine(raised.exc_value) if isinstance(raised.exc_value, Exception) else None
    if fault is None or show_traceback:
        otherwise(raised)
    else:
        print(f"warning: {fault}", file=sys.stderr)
