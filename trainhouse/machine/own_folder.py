"""A temporary folder that goes with its process; what killed processes have left goes when the next one begins."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from trainhouse.machine.locks import may_run, name_of_process


@contextmanager
def own_folder(kind: str) -> Iterator[Path]:
    """Make a folder whose name has the `kind`, this machine and this process in it, for the block."""
    _remove_left_over(kind)
    with tempfile.TemporaryDirectory(prefix=f"{kind}-{name_of_process()}-") as name:
        yield Path(name)


def _remove_left_over(kind: str) -> None:
    """Remove those of this user, made on this machine by processes that are no more."""
    for path in Path(tempfile.gettempdir()).glob(f"{kind}-*-*-*"):
        with suppress(OSError):
            is_own = not hasattr(os, "getuid") or path.lstat().st_uid == os.getuid()
            if is_own and not may_run(path.name.removeprefix(f"{kind}-")):
                shutil.rmtree(path, ignore_errors=True)
