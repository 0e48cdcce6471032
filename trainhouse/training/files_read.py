"""Notices which files a piece of code reads: what a model's constructor needs beside the checkpoint."""

import os
import site
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_listening: list[set[str]] = []
_ENDINGS_OF_CODE = (".py", ".pyc", ".so", ".pyd", ".dll", ".yaml")


@contextmanager
def files_read() -> Iterator[set[str]]:
    """Collect the names of files that are opened for reading in the block, but for code and what libraries bring."""
    if not _hooked:
        sys.addaudithook(_hear)  # for the life of the process: there is no way to take one off
        _hooked.append(True)
    names: set[str] = set()
    _listening.append(names)
    try:
        yield names
    finally:
        _listening[:] = [other for other in _listening if other is not names]  # equal ones are other blocks


_hooked: list[bool] = []


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if not _listening or event != "open":
        return
    path, mode, flags = arguments
    is_write = (isinstance(mode, str) and set(mode) & set("wax+")) or (
        mode is None and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    )
    if is_write or not isinstance(path, (str, os.PathLike)):
        return
    name = os.path.abspath(os.fspath(path))  # noqa: PTH100  # `Path` itself may open what is heard here
    if isinstance(name, str) and not name.endswith(_ENDINGS_OF_CODE) and not name.startswith(_OF_LIBRARIES):
        for names in _listening:
            names.add(name)


_OF_LIBRARIES = (
    *{sysconfig.get_paths()[kind] for kind in ("stdlib", "platstdlib", "purelib", "platlib")},
    *site.getsitepackages(),
    sys.prefix,
    sys.base_prefix,
    "/proc",
    "/sys",
    "/dev",
    "/etc",
)
