"""The one place that every path goes through which Python writes to, whoever writes and whatever key named it.

Python tells its audit hooks of each file that is opened, made, renamed or removed. A configuration that this user's
account has not written itself may name loggers, callbacks and data with any arguments: what they make of them is seen
here, where no argument is spelled in a way that nobody has thought of.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.schema import CONF
from trainhouse.machine.files import PARTIAL_PREFIX, PARTIAL_SUFFIX

FOREIGN_CONFIG = "TRAINHOUSE_FOREIGN_CONFIG"
"""In the environment: the configuration of this command, if it is a file that this user account has not written."""
Look = Callable[[str, str], None]
"""Is called with each write: the name of Python's event, and the absolute path, without symbolic links."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Which arguments of an event are paths that are written, each with that of the descriptor of the folder it is in.
_EVENTS = {
    "os.mkdir": {0: 2},
    "os.rename": {0: 2, 1: 3},
    "os.remove": {0: 1},
    "os.rmdir": {0: 1},
    "os.link": {1: 3},
    "os.symlink": {1: 2},
    "os.truncate": {0: -1},
    "os.chmod": {0: 2},
    "os.chown": {0: 3},
    "os.utime": {0: 3},
}
_NONE = -1  # in place of a descriptor
_looks: list[Look] = []
_installed: list[bool] = []
_sources: list[object] = []


@contextmanager
def watched(look: Look) -> Iterator[None]:
    """Call `look` with every write of this process; what it raises keeps the write from being done."""
    if not _installed:
        sys.addaudithook(_hear)  # for good: Python has no way to take one back
        _installed.append(True)
    _looks.append(look)
    try:
        yield
    finally:
        _looks.remove(look)


@contextmanager
def only_below(source: object, *folders: Path, file: Path | None = None) -> Iterator[None]:
    """Refuse what is written outside of `folders`, and of where anybody may write, while what `source` says is used.

    One `file` may be written elsewhere. `source` None is one's own, which may write anywhere. Raises `UserError` where
    the write is tried.
    """
    if not source:
        yield
        return
    place = os.path.realpath(file) if file else None
    allowed = tuple(f"{os.path.realpath(folder)}{os.sep}" for folder in (*folders, *_everybodys()))

    def refuse(event: str, path: str) -> None:
        if f"{path}{os.sep}".startswith(allowed) or _is_pythons_own(path) or (place and _is_of(path, place)):
            return
        raise UserError(
            f"{source}: would write {path!r}; what another user account (or an older version) has configured may write "
            f"only below {folders[0] if folders else file} and data/processed"
        )

    _sources.append(source)
    try:
        with watched(refuse):
            yield
    finally:
        _sources.remove(source)


def is_foreign() -> bool:
    """Whether what somebody else has configured is used: it doesn't become one's own by that."""
    return bool(_sources)


@contextmanager
def unrefused() -> Iterator[None]:
    """Let the library write where no configuration has a say: notes for clusters, a search's study, its own key."""
    paused = _looks[:]
    _looks.clear()
    try:
        yield
    finally:
        _looks.extend(paused)


def _is_of(path: str, file: str) -> bool:
    """Whether it is the file, or what it is written to before it gets its name."""
    name = Path(path).name
    is_partial = name.startswith(PARTIAL_PREFIX) and name.endswith(PARTIAL_SUFFIX)
    return path == file or (is_partial and Path(path).parent == Path(file).parent)


def _everybodys() -> list[Path]:
    """Where programs leave what can be deleted at any time."""
    home = Path("~").expanduser()
    caches = [os.environ.get(name) for name in ("XDG_CACHE_HOME", "MPLCONFIGDIR", "TRITON_CACHE_DIR")]
    own = [home / ".cache", home / ".config" / "matplotlib", home / ".triton", *(Path(one) for one in caches if one)]
    processed = [project / "data" / "processed" for project in (Path.cwd(), CONF.parent)]
    return [*own, Path(tempfile.gettempdir()), Path("/dev"), Path("/proc"), *processed]


def _is_pythons_own(path: str) -> bool:
    """Whether it is the compiled file of an import; another content there is not taken for one."""
    return Path(path).parent.name == "__pycache__" and ".pyc" in Path(path).name


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    """Find the paths in what Python says of a write, and show them to those who look."""
    if not _looks:
        return
    if event == "open":
        path, mode, flags = arguments
        writes = (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & _WRITING)
        if writes and not isinstance(path, int):
            _tell(event, os.path.realpath(_named(path, _NONE)))
    elif event == "sqlite3.connect":
        _tell(event, os.path.realpath(_named(arguments[0], _NONE)))
    elif event in _EVENTS:
        for index, descriptor in _EVENTS[event].items():
            if isinstance(arguments[index], int):
                continue
            path = Path(_named(arguments[index], _NONE if descriptor == -1 else arguments[descriptor]))
            if event == "os.mkdir" and path.is_dir():  # it is only asked whether it is there
                continue
            _tell(event, str(Path(os.path.realpath(path.parent), path.name)))  # a link itself, not what it leads to


def _named(path: Any, folder: int) -> str:
    place = Path.cwd() if folder == _NONE else Path(os.path.realpath(f"/proc/self/fd/{folder}"))
    return str(place / os.fsdecode(path))


def _tell(event: str, path: str) -> None:
    for look in tuple(_looks):
        look(event, path)
