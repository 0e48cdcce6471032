"""What ends a program in one line: a user's mistake, or a signal; and the search for the name that was meant."""

import errno
import signal
from collections.abc import Iterable, Iterator
from difflib import get_close_matches


class UserError(Exception):
    """A mistake that the user can mend: shown as one line, without a traceback, with exit status 1.

    The message names the config key or the file, what was found, and what is expected.
    """


class Interrupted(BaseException):
    """A signal ended the run, which has saved what it could: one line, exit status 128 + the signal's number.

    Not an `Exception`: like `KeyboardInterrupt` it passes through everything that only mends errors.
    """

    def __init__(self, signum: int, message: str = "") -> None:
        super().__init__(message or f"stopped by {signal.Signals(signum).name}")
        self.signum, self.exit_status = signum, 128 + signum

    def __reduce__(self) -> tuple[type["Interrupted"], tuple[int, str]]:
        return Interrupted, (self.signum, str(self))  # it may come from another process


_OF_THE_MACHINE = {
    getattr(errno, name)
    for name in (
        "ENOSPC",
        "EDQUOT",
        "EACCES",
        "EPERM",
        "EROFS",
        "EIO",
        "EMFILE",
        "ENAMETOOLONG",
        "ENOTDIR",
        "EISDIR",
        "EEXIST",
        "ENOENT",
    )
}


def fault_of_the_machine(error: Exception) -> str | None:
    """Return one line for an error that neither the program nor its user made: a full disk, too little memory."""
    text = str(error)
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
    if isinstance(error, MemoryError) or any(sign in text for sign in ("out of memory", "can't allocate memory")):
        return "out of memory; lower data.batch_size, or make the model smaller"
    if "DataLoader worker" in text and ("killed by signal" in text or "exited unexpectedly" in text):
        return "a data worker was killed, probably for lack of memory; lower data.num_workers or data.batch_size"
    if "DataLoader timed out" in text:
        return "a data worker gave no batch for data.worker_timeout seconds; is the disk still there?"
    return None


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the option nearest to `name`, or an empty string."""
    names = list(options)
    nearest = get_close_matches(name, names, n=1, cutoff=0.6)
    if not nearest:  # a key typed without its group, or in the wrong one: `lr` for `optimizer.lr`
        nearest = [option for option in names if option.rpartition(".")[2] == name.rpartition(".")[2]][:1]
    return f"; did you mean '{nearest[0]}'?" if nearest else ""


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, or its name if it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error`, its cause, the cause of that and so on; `raise error from error` makes a circle of them."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__
