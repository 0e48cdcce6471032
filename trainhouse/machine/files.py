"""Files that are either whole or not there: everything is written beside its target, then renamed."""

import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from tempfile import mkstemp
from typing import Any, BinaryIO

from trainhouse.configuration.errors import UserError
from trainhouse.machine.locks import may_run, name_of_process

PARTIAL_PREFIX, PARTIAL_SUFFIX = ".tmp-", ".part"
_OF_PROCESS = f"{PARTIAL_PREFIX}by-"
_A_DAY = 24 * 3600.0  # no write takes as long


@contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """Open a binary file that takes the name `path` only when the block ends without an error.

    The data is on the disk before the name points to it, and a reader sees the old file or the new
    one, never a part. Raises `OSError` and leaves an existing file untouched when writing fails.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_partial_files(path.parent, older_than=_A_DAY)
    # The same folder is the same file system: only there is a rename atomic.
    handle, name = mkstemp(dir=path.parent, prefix=_prefix(path.name), suffix=PARTIAL_SUFFIX)
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        partial.chmod(0o666 & ~umask)
        partial.replace(path)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, name):  # who writes to an open file has no name
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        raise
    _sync_folder(path.parent)


def _prefix(name: str) -> str:
    """What the partial files of a file of that name begin with."""
    return f"{PARTIAL_PREFIX}{name[:60]}-"


def prefix_of_this_process() -> str:
    """What partial files begin with that may be large: once their process is no more, the next write removes them."""
    return f"{_OF_PROCESS}{name_of_process()}-"


def remove_partial_files(folder: Path, older_than: float = 0.0, of: str | None = None) -> None:
    """Remove what killed writes left in `folder`, if it is `older_than` so many seconds; of one file only, if named.

    With 0 only for a folder, or a file, that nobody else writes to. What names a process that has ended goes anyway.
    """
    latest = time.time() - older_than
    prefix = escape(PARTIAL_PREFIX if of is None else _prefix(of))
    for partial in folder.glob(f"{prefix}*{PARTIAL_SUFFIX}"):
        with suppress(FileNotFoundError):  # another program tidies up as well
            by = partial.name.removeprefix(_OF_PROCESS)
            is_left = by != partial.name and not may_run(by)
            if partial.stat().st_mtime > latest and not is_left:
                continue
            if partial.is_dir():  # what a preflight has tried out
                shutil.rmtree(partial, ignore_errors=True)
            else:
                partial.unlink()


def check_writable(folder: Path) -> None:
    """Write and remove a small file. Raises `UserError` that names `folder` if that can't be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = mkstemp(dir=folder, prefix=PARTIAL_PREFIX, suffix=PARTIAL_SUFFIX)
        os.close(handle)
        Path(name).unlink()
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be written to ({error.strerror}); nothing that is learned could be saved"
        ) from error


def _sync_folder(folder: Path) -> None:
    """Make a rename durable. Windows has no handle on a folder, and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` atomically."""
    with atomic_write(path) as file:
        file.write(text.encode())


def write_json(path: str | Path, value: Any) -> None:
    """Write plain data as JSON, atomically. JSON has no NaN: a number that is not finite becomes null."""
    write_text(path, _as_json(value))


@contextmanager
def written_as_json(path: str | Path, value: Any) -> Iterator[None]:
    """Write as `write_json` does, before a block: the file takes its name after it, though the block fills the disk."""
    with atomic_write(path) as file:
        file.write(_as_json(value).encode())
        file.flush()
        os.fsync(file.fileno())
        yield


def _as_json(value: Any) -> str:
    return json.dumps(_finite(value), indent=2, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity; readers of other languages refuse what Python writes for them."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def copy(source: str | Path, target: str | Path) -> None:
    """Copy a file to `target` atomically."""
    with open(source, "rb") as reader, atomic_write(target) as writer:
        shutil.copyfileobj(reader, writer)


def cut_off(path: Path, size: int) -> None:
    """Shorten a file to `size` bytes, in one moment; one of which nothing is left is removed."""
    if size == 0:
        path.unlink()
    elif path.stat().st_size > size:
        os.truncate(path, size)


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
