"""A checkpoint survives what happens to machines: a kill in the middle of writing, a full disk."""

import errno
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from trainhouse.checkpoints.writing import AtomicCheckpointIO
from trainhouse.machine.files import PARTIAL_PREFIX, PARTIAL_SUFFIX
from trainhouse.tests.common import run_script
from trainhouse.tests.started import IN_RUN, Hold, Started, whole_run
from trainhouse.tests.test_exact_resume import differing, outcome

MB = 2**20
PARTIAL = f"{PARTIAL_PREFIX}*{PARTIAL_SUFFIX}"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for full disks and sudden ends")


def state(number: int, megabytes: int) -> dict[str, Any]:
    """A checkpoint in which every value is `number`."""
    return {"number": number, "state_dict": {"weight": torch.full((megabytes * MB // 4,), float(number))}}


def whole_number(path: Path) -> int:
    """The `number` of a checkpoint that is whole."""
    content = torch.load(path, weights_only=True)
    number, weight = content["number"], content["state_dict"]["weight"]
    assert bool((weight == number).all()), f"{path} is a mixture"
    return int(number)


def in_a_child(act: Callable[[], None]) -> int:
    """Do it in a forked process, and return its exit status: what was asserted there is on stderr."""
    process = os.fork()
    if process == 0:
        try:
            act()
            os._exit(0)
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def other_file_system(path: Path) -> str:
    """A folder for temporary files from which no rename to `path` is possible, if the machine has one."""
    shared = Path("/dev/shm")
    is_another = shared.is_dir() and os.access(shared, os.W_OK) and shared.stat().st_dev != path.stat().st_dev
    return str(shared) if is_another else tempfile.gettempdir()


# Killed.


def save_for_ever(path: Path, temporary_files: str, first: int) -> None:
    os.environ["TMPDIR"], tempfile.tempdir = temporary_files, None
    content, number = state(first, megabytes=24), first
    while True:
        AtomicCheckpointIO().save_checkpoint(content, path)
        number += 1
        content["number"] = number
        content["state_dict"]["weight"].fill_(number)


def test_no_kill_in_the_middle_of_saving_damages_the_checkpoint(tmp_path: Path) -> None:
    moments = random.Random(0)
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint(state(0, megabytes=24), path)
    temporary_files = other_file_system(tmp_path)
    in_a_save = last = 0
    for _ in range(120):
        process = os.fork()
        if process == 0:
            try:
                save_for_ever(path, temporary_files, last + 1)
            finally:
                os._exit(1)
        time.sleep(moments.uniform(0.02, 0.25 if last else 2.0))  # a busy machine takes its time for the first
        os.kill(process, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL, "saving failed by itself"
        number = whole_number(path)
        assert number >= last, "an older state came back"
        last = number
        for partial in tmp_path.glob(PARTIAL):
            partial.unlink()
            in_a_save += 1
        if in_a_save == 12:
            break
    assert in_a_save == 12, f"only {in_a_save} of 120 kills came in the middle of a save"
    assert last > 0, "nothing was ever saved"


def fsync_of_checkpoint(number: int) -> Hold:
    """Hold before the bytes of the `number`-th checkpoint are forced to the disk."""
    seen: list[int] = []

    def when(handle: int) -> bool:
        if Path(f"/proc/self/fd/{handle}").readlink().match(f"checkpoints/{PARTIAL}"):
            seen.append(handle)
        return len(seen) == number

    return Hold(os, "fsync", when)


def test_a_run_killed_while_it_saves_is_resumed_and_tidies_up(
    made_once: Callable[[str, Callable[[Path], None]], Path], tmp_path: Path
) -> None:
    frequent = "callbacks.last_checkpoint.every_n_train_steps=7"
    with Started("train.py", *IN_RUN, frequent, cwd=tmp_path, hold=fsync_of_checkpoint(5)) as process:
        process.wait_for_hold()
        process.send(signal.SIGKILL)
        assert process.status() == 128 + signal.SIGKILL
    run = tmp_path / "run"
    (partial,) = (run / "checkpoints").glob(PARTIAL)
    assert partial.stat().st_size > 1000
    (run / "logs" / f"{PARTIAL_PREFIX}row{PARTIAL_SUFFIX}").write_text("epoch,")
    (run / f"{PARTIAL_PREFIX}metrics{PARTIAL_SUFFIX}").write_text("{")
    done = run_script("train.py", "resume=run", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(run.rglob(PARTIAL)) == []
    assert differing(outcome(whole_run(made_once)), outcome(run)) == []


# Full.


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 20 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"a small file system can't be made here: {error}")
    if mounted.returncode:
        pytest.skip(f"a small file system can't be made here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_leaves_the_old_checkpoint_and_is_named(small_disk: Path) -> None:
    path = small_disk / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint(state(1, megabytes=10), path)
    with pytest.raises(OSError, match="No space left on device") as raised:
        AtomicCheckpointIO().save_checkpoint(state(2, megabytes=20), path)
    assert raised.value.errno == errno.ENOSPC
    assert raised.value.filename == str(path)
    assert whole_number(path) == 1
    assert list(small_disk.iterdir()) == [path]


def test_a_run_on_a_full_disk_ends_in_one_line_and_is_resumed_when_there_is_room(
    small_disk: Path, tmp_path: Path
) -> None:
    # A checkpoint is 8 MB: the first epoch's two fit, with what the run writes beside them; a third does not.
    shared = [one for one in IN_RUN if not one.startswith(("trainer.max_epochs=", "model.hidden_sizes="))]
    options = [*shared, "model.hidden_sizes=[800,800]", "trainer.max_epochs=2"]
    whole = run_script("train.py", *options, cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    there = [f"data.path={tmp_path}/data/processed/fake_data.npy", f"hydra.run.dir={small_disk}/run"]
    elsewhere = [one for one in options if not one.startswith(("data.path=", "hydra.run.dir="))] + there
    full = run_script("train.py", *elsewhere, cwd=tmp_path)
    assert full.returncode == 1
    (line,) = full.stderr.splitlines()
    assert line.startswith("error: ")
    assert "No space left on device" in line
    last = small_disk / "run" / "checkpoints" / "last.ckpt"
    assert torch.load(last, weights_only=True)["project"]["epoch"] == 1
    assert list(last.parent.glob(PARTIAL)) == []

    subprocess.run(["mount", "-o", "remount,size=100m", str(small_disk)], check=True)
    done = run_script("train.py", f"resume={small_disk}/run", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert differing(outcome(tmp_path / "run"), outcome(small_disk / "run")) == []


def test_a_file_that_may_not_grow_leaves_the_old_checkpoint_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint(state(1, megabytes=2), path)

    def save() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10 * MB, resource.RLIM_INFINITY))
        with pytest.raises(OSError, match="File too large") as raised:
            AtomicCheckpointIO().save_checkpoint(state(2, megabytes=20), path)
        assert raised.value.errno == errno.EFBIG

    assert in_a_child(save) == 0
    assert whole_number(path) == 1
    assert list(tmp_path.iterdir()) == [path]


# Large.


def test_saving_needs_no_second_copy_of_the_state(tmp_path: Path) -> None:
    def peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    def save() -> None:
        content = state(1, megabytes=200)
        before = peak()
        AtomicCheckpointIO().save_checkpoint(content, tmp_path / "large.ckpt")
        grown = (peak() - before) / MB
        assert grown < 40, f"saving 200 MB took {grown:.0f} MB of memory"

    assert in_a_child(save) == 0
    assert (tmp_path / "large.ckpt").stat().st_size > 200 * MB
    shutil.rmtree(tmp_path)
