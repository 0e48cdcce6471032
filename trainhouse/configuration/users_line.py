"""The line of the user's own code that an error comes from."""

import os
import sysconfig
import traceback
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[2]
# Where libraries are, and this one: what fails there was asked for elsewhere.
_NOT_THE_USERS = ("site-packages", "dist-packages")
_LIBRARY = (sysconfig.get_path("stdlib"), str(_PROJECT / "trainhouse"))


def with_line(error: BaseException) -> str:
    """Return what an error says, with the file and the line of the user's own code that it comes from, if it does."""
    name, text = type(error).__name__, str(error)
    if isinstance(error, SyntaxError) and error.filename:
        return f"{name}: {error.msg} in {_shown(error.filename)}, line {error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_users(frame.filename)]
    return f"{name}: {text}" + (f" in {_shown(frames[-1].filename)}, line {frames[-1].lineno}" if frames else "")


def _is_users(file: str) -> bool:
    is_library = any(file.startswith(f"{folder}{os.sep}") for folder in _LIBRARY)
    return file.endswith(".py") and not is_library and not any(name in Path(file).parts for name in _NOT_THE_USERS)


def _shown(file: str) -> str:
    path = Path(file)
    for place in (Path.cwd(), _PROJECT):
        if path.is_relative_to(place):
            return str(path.relative_to(place))
    return file
