"""How a command's process is started: whether it shows tracebacks, and in which encoding it reads and writes."""

import os
import sys
from pathlib import Path

from trainhouse.configuration.printable import printable
from trainhouse.runs.this_job import is_worker_rank

_TRACEBACKS, _OF_HYDRA_ITSELF = "TRAINHOUSE_FULL_ERROR", "HYDRA_FULL_ERROR"


def asks_for_tracebacks() -> bool:
    """Whether the user does; from now on Hydra raises what it would print by itself.

    The processes that a run starts for its devices find set what is set here for Hydra.
    """
    asked = os.environ.get(_OF_HYDRA_ITSELF, "0")
    if is_worker_rank():
        asked = os.environ.get(_TRACEBACKS, asked)
    os.environ[_TRACEBACKS], os.environ[_OF_HYDRA_ITSELF] = asked, "1"
    return asked != "0"


def as_it_is() -> dict[str, str | None]:
    """Return what the environment says now, for `put_back`."""
    return {name: os.environ.get(name) for name in (_OF_HYDRA_ITSELF, _TRACEBACKS)}


def put_back(variables: dict[str, str | None]) -> None:
    """Leave the environment as it was: in a notebook the next command is of the same process, or inherits it."""
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def start_in_utf8() -> None:
    """Start this program again where the locale, as C, knows no other letters than ASCII's: files here are UTF-8.

    Ends it for names that are not UTF-8, of which no file could say what they are.
    """
    if sys.getfilesystemencoding() != "utf-8":
        os.environ["PYTHONUTF8"] = "1"  # also for the processes that it starts
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606
    for text, what in [*((argument, "") for argument in sys.argv[1:]), (str(Path.cwd()), "the working folder ")]:
        if not text.isascii() and text.encode(errors="replace").decode() != text:
            shown = text.encode(errors="backslashreplace").decode()
            sys.exit(f"error: {what}{printable(shown)}: is not UTF-8 text; give the file or folder another name")
