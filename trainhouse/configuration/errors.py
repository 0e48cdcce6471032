"""What ends a program in one line: a user's mistake, or a signal; and the search for the name that was meant."""

import errno
import io
import os
import re
import signal
import traceback
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from itertools import takewhile
from types import FrameType


class UserError(Exception):
    """A mistake that the user can correct: shown as one line, without a traceback, with exit status 1.

    The message names the config key or the file, what was found, and what is expected.
    """


class MistakesError(UserError):
    """Several mistakes in one file, a line each: whoever mends it does so once. The lines are printable already."""


class Interrupted(BaseException):
    """A signal ended the run, which has saved what it could: one line, exit status 128 + the signal's number.

    Not an `Exception`: like `KeyboardInterrupt` it passes through everything that only mends errors.
    """

    def __init__(self, signum: int, message: str = "") -> None:
        super().__init__(message or f"stopped by {signal.Signals(signum).name}")
        self.signum, self.exit_status = signum, 128 + signum

    def __reduce__(self) -> tuple[type["Interrupted"], tuple[int, str]]:
        return Interrupted, (self.signum, str(self))  # it may come from another process


def _numbers(*names: str) -> set[int]:
    return {getattr(errno, name) for name in names if hasattr(errno, name)}  # Windows has no quotas


# What may come while a library tidies up, and then stands behind what that raises.
_WITHOUT_ROOM = _numbers("ENOSPC", "EDQUOT", "EFBIG", "ENOMEM", "EAGAIN", "EMFILE")
_OF_PATHS = _numbers("EACCES", "EPERM", "EROFS", "EIO", "ENAMETOOLONG", "ENOTDIR", "EISDIR", "EEXIST", "ENOENT")
_OF_THE_MACHINE = _WITHOUT_ROOM | _OF_PATHS
# What the system says of a process that can't be started.
_OF_A_PROCESS = {
    errno.ENOMEM: ": no memory for another process; lower data.num_workers or launcher n_jobs",
    errno.EAGAIN: ": no other process may be started; lower data.num_workers or launcher n_jobs",
}
NO_SHARED_MEMORY = (
    "too small for the batches of data workers; set data.num_workers=0, or give it more room (docker run --shm-size=2g)"
)


def _frames(error: BaseException) -> list[FrameType]:
    return [frame for frame, _ in traceback.walk_tb(error.__traceback__)]


def _open_file(error: OSError) -> str | None:
    """The file in which a write has failed: an open file says no name then, but what wrote into it has it."""
    frames = _frames(error)
    for frame in reversed(frames):
        for value in frame.f_locals.values():
            file = getattr(value, "stream", value)  # of a log
            if isinstance(file, io.IOBase) and isinstance(getattr(file, "name", None), (str, bytes, os.PathLike)):
                return os.fsdecode(file.name)  # type: ignore[attr-defined]
    for frame in reversed(frames):
        for name in ("path", "filename", "file_name", "fname", "folder"):
            if isinstance(value := frame.f_locals.get(name), (str, os.PathLike)):
                return os.fspath(value)
    return None


def fault_of_the_machine(error: Exception) -> str | None:
    """Return one line for an error that neither the program nor its user made: a full disk, too little memory.

    Libraries that tidy up after such an error may fail in that, and raise something else.
    """
    if message := _fault(error):
        return message
    behind = (one for one in causes(error, also_context=True) if isinstance(one, OSError))
    return next((_fault(one) for one in behind if one.errno in _WITHOUT_ROOM), None)


def _fault(error: Exception) -> str | None:
    text = str(error)
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        if error.errno == errno.ENOSPC and is_raised_by(error, "multiprocessing"):
            return f"shared memory is {NO_SHARED_MEMORY}"
        name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else _open_file(error)
        if error.errno in _OF_A_PROCESS and not isinstance(error.filename, (str, bytes)):
            return f"{error.strerror}{_OF_A_PROCESS[error.errno]}"
        return f"{name}: {error.strerror}" if name else str(error.strerror)
    if "unable to write to file </torch" in text or "unable to allocate shared memory" in text or "Bus error" in text:
        return f"shared memory is {NO_SHARED_MEMORY}"
    if isinstance(error, MemoryError) or any(sign in text for sign in ("out of memory", "can't allocate memory")):
        return "out of memory; lower data.batch_size, or make the model smaller"
    if "DataLoader worker" in text and ("killed by signal" in text or "exited unexpectedly" in text):
        return "a data worker was killed, probably for lack of memory; lower data.num_workers or data.batch_size"
    if "DataLoader timed out" in text:
        return "a data worker gave no batch for data.worker_timeout seconds; is the disk still there?"
    return None


def is_raised_by(error: BaseException, package: str) -> bool:
    """Whether the error was raised by a file of `package`."""
    frames = _frames(error)
    return bool(frames) and frames[-1].f_globals.get("__name__", "").partition(".")[0] == package


# The strategy with which a step may leave parameters without a gradient, and what is said by the others.
UNUSED_MAY_BE = "ddp_find_unused_parameters_true"
_OF_UNUSED = ("Expected to have finished reduction in the prior", "parameters that were not used in producing the loss")


def missed_gradients(step: str) -> str:
    """Return the line on a `step` that leaves parameters without a gradient, for which ddp waits."""
    return (
        f"trainer.strategy: {step} leaves parameters without a gradient, and ddp waits for one of each; type "
        f"trainer.strategy={UNUSED_MAY_BE}"
    )


# The name of the class of its refusals.
OF_LIGHTNING = "MisconfigurationException"


def refusal_of_lightning(error: BaseException) -> str | None:
    """Return in one line what Lightning itself refuses, of which its own words say enough; None for any other error.

    Lightning is not imported for that. What it only passes on, as an error in a user's step, is none of its own.
    """
    if isinstance(error, RuntimeError) and any(sign in str(error) for sign in _OF_UNUSED):
        return missed_gradients("a step")
    steps = traceback.extract_tb(error.__traceback__)
    frames = _frames(error)
    if not frames:
        return None
    module = str(frames[-1].f_globals.get("__name__", ""))
    is_raised_there = module.startswith("lightning.") and (steps[-1].line or "").startswith("raise")
    if not is_raised_there and type(error).__name__ != OF_LIGHTNING:
        return None
    text = " ".join(str(error).split()) or type(error).__name__
    keys = dict.fromkeys(re.findall(r"Trainer\((?:\.\.\., ?)?(\w+)=", text))
    here = f" (here {' and '.join(f'trainer.{key}' for key in keys)})" if keys else ""
    return f"{text[:500]}{here}"


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the option nearest to `name`, or an empty string."""
    names = list(options)
    nearest = [option for option in names if option.strip().casefold() == name.strip().casefold()][:1]
    nearest = nearest or get_close_matches(name, names, n=1, cutoff=0.6)
    if not nearest:  # a key typed without its group, or in the wrong one: `lr` for `optimizer.lr`
        nearest = [option for option in names if option.rpartition(".")[2] == name.rpartition(".")[2]][:1]
    return f"; did you mean '{nearest[0]}'?" if nearest else ""


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, or its name if it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def causes(error: BaseException, also_context: bool = False) -> Iterator[BaseException]:
    """Yield `error`, its cause, the cause of that and so on; `raise error from error` makes a circle of them.

    With `also_context` an error that has no cause is followed by the one that was being handled when it was raised.
    """
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or (cause.__context__ if also_context else None)


def is_slip(typed: str, name: str) -> bool:
    """Whether one letter is wrong, missing or too many, or two neighbours are swapped."""
    start = _same_at_start(typed, name)
    typed, name = typed[start:], name[start:]
    end = _same_at_start(typed[::-1], name[::-1])
    typed, name = typed[: len(typed) - end], name[: len(name) - end]
    return max(len(typed), len(name)) == 1 or (len(typed) == 2 and typed == name[::-1])


def _same_at_start(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
