"""Processes that work on one sweep: who is at work, who has which accelerator, and how they are all stopped."""

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainhouse.configuration.errors import Interrupted
from trainhouse.machine import sweep_worker
from trainhouse.machine.locks import Worker, locked, name_of_process, of_this_machine, try_lock
from trainhouse.machine.sweep_worker import (
    accelerators,
    check_not_stopped,
    is_launchers_process,
    new_stop_mark,
    prepare_worker,
    take_accelerators,
)


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """As a launcher starts a process: without torch, and signals as they are."""
    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(sweep_worker, "_held", {})
    monkeypatch.setattr(sweep_worker, "_visible", [])
    yield monkeypatch
    for lock in sweep_worker._held.values():
        lock.close()
    for signum, handler in before.items():
        signal.signal(signum, handler)


def test_accelerators_are_those_that_the_process_may_see(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, 5")
    assert accelerators() == ["2", "5"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert accelerators(tmp_path) == [], "hidden ones stay hidden"
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert accelerators(tmp_path / "none") == []
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / name).mkdir()
    assert accelerators(tmp_path) == ["0", "1"]


def test_each_worker_gets_an_accelerator_of_its_own_while_there_are_any(
    process: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    process.setattr(sweep_worker, "accelerators", lambda: ["0", "1"])
    process.setattr(tempfile, "tempdir", str(tmp_path))
    other = try_lock(of_this_machine("accelerator-0"))  # another sweep's
    assert other is not None
    prepare_worker()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "1"
    held = sweep_worker._held["1"]
    process.setattr(sweep_worker, "_held", {})
    process.setattr(os, "getpid", lambda: 7)
    assert not take_accelerators(1)  # a third one has to share
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "1"
    held.close()
    other.close()


def test_a_trial_of_several_devices_gets_as_many_accelerators_or_is_refused(
    process: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    process.setattr(sweep_worker, "accelerators", lambda: ["0", "1", "2"])
    process.setattr(tempfile, "tempdir", str(tmp_path))
    prepare_worker()  # which takes one, before it knows what its trials need
    assert take_accelerators(2)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"
    other = try_lock(of_this_machine("accelerator-2"))
    assert not take_accelerators(3)
    assert other is not None
    other.close()


def test_one_accelerator_is_left_to_all(process: pytest.MonkeyPatch) -> None:
    process.setattr(sweep_worker, "accelerators", lambda: ["0"])
    prepare_worker()
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


def test_no_job_begins_after_the_sweep_was_stopped(process: pytest.MonkeyPatch, tmp_path: Path) -> None:
    process.delenv("SWEEP_STOP_MARK", raising=False)
    check_not_stopped()
    mark = new_stop_mark(tmp_path)
    check_not_stopped()
    mark.touch()
    with pytest.raises(Interrupted, match="not run: the sweep was stopped"):
        check_not_stopped()


def test_a_worker_saves_and_stops_when_the_sweeps_process_is_gone(process: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mark = tmp_path / ".stop-a-host-1"
    process.setenv("SWEEP_STOP_MARK", str(mark))
    parents, killed = iter([1, 1, 2]), []
    process.setattr(os, "getppid", lambda: next(parents))
    process.setattr(time, "sleep", lambda seconds: None)
    process.setattr(os, "kill", lambda pid, signum: killed.append((pid, signum)))
    process.setattr(os, "_exit", lambda status: killed.append(status))
    sweep_worker._end_without_parent()
    assert killed == [(os.getpid(), signal.SIGTERM), 143]
    assert mark.exists(), "its next job does not begin"


def test_a_process_of_joblib_outlives_signals_between_its_jobs(process: pytest.MonkeyPatch) -> None:
    process.setattr(multiprocessing.current_process(), "_name", "LokyProcess-1")
    prepare_worker()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.raise_signal(getattr(signal, name))


def test_a_worker_of_a_sweep_under_nohup_ignores_what_nohup_does(process: pytest.MonkeyPatch) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    prepare_worker()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_a_launcher_that_uses_the_sweeps_own_process_has_no_workers(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("SWEEP_STOP_MARK", raising=False)
    assert not is_launchers_process()
    new_stop_mark(tmp_path)
    assert is_launchers_process()
    monkeypatch.setattr(os, "getpid", lambda: 1)
    assert not is_launchers_process()


def test_a_signal_ends_a_worker_as_it_ends_a_run(process: pytest.MonkeyPatch) -> None:
    prepare_worker()
    with pytest.raises(Interrupted) as stopped:
        signal.raise_signal(signal.SIGTERM)
    assert stopped.value.exit_status == 143


def test_a_lock_is_held_by_one_and_free_again_when_it_is_closed(tmp_path: Path) -> None:
    first = try_lock(tmp_path / "new" / "lock")
    assert first is not None
    assert try_lock(tmp_path / "new" / "lock") is None
    first.close()
    with locked(tmp_path / "new" / "lock"):
        assert try_lock(tmp_path / "new" / "lock") is None


def test_where_files_can_not_be_locked_nobody_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, **options: object) -> bool:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("filelock.lock_descriptor", refuse)
    first, second = try_lock(tmp_path / "lock"), try_lock(tmp_path / "lock")
    assert first is not None
    assert second is not None
    with locked(tmp_path / "lock"), locked(tmp_path / "lock"):
        first.close()
        second.close()
    worker, host = Worker(tmp_path), name_of_process().rpartition("-")[0]
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for pid, runs in ((os.getpid(), True), (gone.pid, False)):
        (name := tmp_path / f"{host}-{pid}-0badcafe").touch()
        assert worker.is_alive(name.name) is runs, "as its number tells"
    (tmp_path / f"not{host}-1-0badcafe").touch()
    assert worker.is_alive(f"not{host}-1-0badcafe"), "it may be, on another machine"
    worker.close()


def test_a_lock_ends_with_its_process_though_that_is_killed(tmp_path: Path) -> None:
    code = "import sys, time; from pathlib import Path; from trainhouse.machine.locks import try_lock\n"
    code += "lock = try_lock(Path(sys.argv[1])); print(lock is not None, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, tmp_path / "lock"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"True\n"
        assert try_lock(tmp_path / "lock") is None
        process.kill()
    lock = try_lock(tmp_path / "lock")
    assert lock is not None
    lock.close()


def test_a_worker_is_alive_until_its_process_ends_however_it_ends(tmp_path: Path) -> None:
    first, second = Worker(tmp_path), Worker(tmp_path)
    assert first.is_alive(first.name)
    assert first.is_alive(second.name)
    second.close()
    assert not first.is_alive(second.name)
    assert not first.is_alive("")
    killed = tmp_path / "host-1-0badcafe"
    killed.touch()  # the file of a process that could not remove it
    assert not first.is_alive(killed.name)
    assert not killed.exists()
    first.close()
    assert list(tmp_path.iterdir()) == []
