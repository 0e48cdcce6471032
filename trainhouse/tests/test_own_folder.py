"""Folders of processes that were killed, or have just begun."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from trainhouse.machine.own_folder import own_folder
from trainhouse.runs.abandoned import free_abandoned


@pytest.mark.skipif(os.name == "nt", reason="nobody knows there whether a process runs")
def test_what_killed_processes_left_is_removed_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    here = socket.gethostname()
    gone = tmp_path / f"ranks-{here}-{ended.pid}-a_b"
    others = [f"ranks-{here}-{os.getpid()}-x", f"ranks-elsewhere-{ended.pid}-x", "ranks-of-mine-to-keep", "ranks-1"]
    for name in (gone.name, *others):
        (tmp_path / name / "inner").mkdir(parents=True)
    with own_folder("ranks") as folder:
        assert folder.is_dir()
        assert not gone.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)


def test_a_run_that_starts_keeps_its_folder_though_the_clock_of_its_files_is_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".hydra").mkdir()
    here = time.time
    monkeypatch.setattr(time, "time", lambda: here() + 3600)
    free_abandoned(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".hydra"]
