"""A folder of checkpoints that can't be written is said before training."""

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trainhouse.tests.common import run_script
from trainhouse.tests.started import IN_RUN, Started

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux to take root's privileges away")


def without_privileges() -> None:
    """Let root be subject to permissions as everyone is; for another user nothing changes."""
    if os.geteuid() == 0:
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)
        none = (ctypes.c_uint32 * 6)()
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.capset(header, none) != 0:
            raise OSError(ctypes.get_errno(), "root's privileges could not be given up")


@pytest.fixture
def locked() -> Iterator[Callable[[Path], None]]:
    """Make a folder read-only until the test ends."""
    folders = []

    def lock(folder: Path) -> None:
        folder.chmod(0o555)
        folders.append(folder)

    yield lock
    for folder in folders:
        folder.chmod(0o755)


def test_a_checkpoints_folder_that_can_not_be_written_is_said_before_training(
    locked: Callable[[Path], None], tmp_path: Path
) -> None:
    checkpoints = tmp_path / "run" / "checkpoints"
    checkpoints.mkdir(parents=True)
    locked(checkpoints)
    with Started("train.py", *IN_RUN, cwd=tmp_path, prepare=without_privileges) as process:
        assert process.status() == 1
        assert_refused(process, checkpoints)


def test_a_run_whose_checkpoints_folder_can_not_be_written_any_more_is_not_resumed(
    locked: Callable[[Path], None], tmp_path: Path
) -> None:
    done = run_script("train.py", *IN_RUN, "trainer.max_epochs=1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    checkpoints = tmp_path / "run" / "checkpoints"
    before = {path.name: path.read_bytes() for path in checkpoints.iterdir()}
    locked(checkpoints)
    resume = ["resume=run", "trainer.max_epochs=2"]
    with Started("train.py", *resume, cwd=tmp_path, prepare=without_privileges) as process:
        assert process.status() == 1
        assert_refused(process, checkpoints)
    assert {path.name: path.read_bytes() for path in checkpoints.iterdir()} == before


def assert_refused(process: Started, checkpoints: Path) -> None:
    (line,) = process.stderr.splitlines()
    assert line.startswith(f"error: {checkpoints}: cannot be written to (Permission denied)")
    assert "epoch" not in process.stdout
