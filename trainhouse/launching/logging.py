"""What the terminal says and the log keeps: the same lines, with times in the file."""

import copy
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.printable import printable
from trainhouse.machine import terminal
from trainhouse.machine.locks import lock_to_the_end

# Lightning's talk about its own internals, or advice that does not hold here.
_NOT_FOR_USERS = (
    r".*isinstance\(treespec, LeafSpec\).*is deprecated",
    r"The number of training batches .* is smaller than the logging interval",
    r".*does not have many workers",
    r"It is recommended to use `self.log\(.*sync_dist=True",  # where ranks differ, RanksCompared says it
    r"The `srun` command is available on your system but is not used",  # a job that has room for more is told so
    r"Checkpoint directory .* exists and is not empty",
    r"Experiment logs directory .* exists and is not empty",  # what was logged is kept
    r"Be aware that when using `ckpt_path`, callbacks used to create the checkpoint need to be provided",
    r"Using `DistributedSampler` with the dataloaders",  # no row is repeated: see resuming/shares.py
    r"Total length of `list` across ranks is zero",  # there are no validation rows
    r"You're resuming from a checkpoint that ended before the epoch ended",  # batches start at the cursor
)


class BusyError(UserError):
    """Another process is at work in a run's folder."""


@contextmanager
def log_to(path: Path | None, on_terminal: bool = True) -> Iterator[None]:
    """Show the project's log records on the terminal (or not) and, within the block, append them to `path`.

    Warnings become log records. Libraries are heard from WARNING up, this project from INFO up.
    `path` None keeps no file. Raises `BusyError` if another process keeps its log there: it is at work in
    the same folder.
    """
    shown = _Terminal()
    shown.setFormatter(_Printable("%(message)s"))
    handlers: list[logging.Handler] = [shown if on_terminal else logging.NullHandler()]
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = logging.FileHandler(path, encoding="utf-8")
        if file.stream and lock_to_the_end(file.stream) is False:
            file.close()
            raise BusyError(
                f"{path.absolute().parents[1]}: another process is at work in this folder; wait for it, or end it"
            )
        file.setFormatter(_Printable("%(asctime)s %(levelname)-7s %(message)s"))
        handlers.append(file)

    root = logging.getLogger()
    before = root.handlers[:], root.level, warnings.formatwarning
    logging.raiseExceptions = False  # a reader who closes the pipe (`| head`) is no fault of the program
    root.handlers, root.level = handlers, logging.WARNING
    for house in ("src", "trainhouse"):
        logging.getLogger(house).setLevel(logging.INFO)
    warnings.formatwarning = lambda message, category, filename, lineno, line=None: f"warning: {message}"
    logging.captureWarnings(True)
    try:
        with warnings.catch_warnings(), nullcontext() if on_terminal else terminal.quiet():
            for pattern in _NOT_FOR_USERS:
                warnings.filterwarnings("ignore", message=pattern)
            yield
    finally:
        if on_terminal:
            terminal.clear()
        logging.captureWarnings(False)
        root.handlers, root.level, warnings.formatwarning = before
        for handler in handlers:
            try:
                handler.close()
            except OSError as error:  # a full disk; what the run came to stands elsewhere
                print(f"warning: {path}: {error.strerror}; its last lines are missing", file=sys.stderr)


class _Terminal(logging.Handler):
    """Says what a record says above the live line, in a form that fits the terminal if the record has one."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record, unless it is for the file alone."""
        if getattr(record, "file_only", False):
            return
        try:
            short = getattr(record, "short", None) if sys.stdout.isatty() else None
            lines = getattr(record, "lines", False)
            terminal.say(printable(short, lines=lines) if short else self.format(record))
        except Exception:
            self.handleError(record)


class _Printable(logging.Formatter):
    """Writes out what is not to be seen in a message, and in what is filled into it line breaks too.

    What is filled in may have lines of its own if the record says so with ``extra={"lines": True}``.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record."""
        record = copy.copy(record)
        has_lines = getattr(record, "lines", False) or record.name == "py.warnings"  # of libraries
        if isinstance(record.args, tuple):
            record.args = tuple(
                one if isinstance(one, (int, float)) or one is None else printable(one, has_lines)
                for one in record.args
            )
        return printable(super().format(record), lines=True)


def log_traceback(logger: logging.Logger) -> None:
    """Keep the traceback of the exception in flight in the log file, and off the terminal."""
    logger.error("traceback of the error above", exc_info=True, extra={"file_only": True})
