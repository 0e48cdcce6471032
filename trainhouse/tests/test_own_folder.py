"""Folders of processes that were killed, or have just begun."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from trainhouse.machine.files import prefix_of_this_process, remove_partial_files
from trainhouse.machine.locks import name_of_process
from trainhouse.machine.own_folder import own_folder
from trainhouse.runs.abandoned import free_abandoned


@pytest.mark.skipif(os.name == "nt", reason="nobody knows there whether a process runs")
def test_what_killed_processes_left_is_removed_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    here = f"ranks-{name_of_process()}-x"
    gone = tmp_path / here.replace(str(os.getpid()), str(ended.pid))
    others = [here, f"ranks-elsewhere-{ended.pid}-x", "ranks-of-mine-to-keep", "ranks-1"]
    for name in (gone.name, *others):
        (tmp_path / name / "inner").mkdir(parents=True)
    with own_folder("ranks") as folder:
        assert folder.is_dir()
        assert not gone.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)


@pytest.mark.skipif(os.name == "nt", reason="nobody knows there whether a process runs")
def test_the_next_write_removes_what_a_killed_process_left_half_written(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    own = tmp_path / f"{prefix_of_this_process()}x.part"
    gone = tmp_path / own.name.replace(str(os.getpid()), str(ended.pid))
    others = [own, tmp_path / ".tmp-of another version.part", tmp_path / f".tmp-by-elsewhere-{ended.pid}-x.part"]
    for path in (gone, *others):
        path.touch()
    remove_partial_files(tmp_path, older_than=3600.0)
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_a_run_that_starts_keeps_its_folder_though_the_clock_of_its_files_is_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".hydra").mkdir()
    here = time.time
    monkeypatch.setattr(time, "time", lambda: here() + 3600)
    free_abandoned(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".hydra"]
