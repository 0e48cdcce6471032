"""How many cores a process counts, and how it shares them."""

import os
import tempfile
from pathlib import Path

import pytest

from trainhouse.machine import cores
from trainhouse.machine.cores import available_cores, cores_to_use, share_cores


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "max 100000"}, 3),
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "10000 100000"}, 1),
        ({"cpu.max": "junk"}, 3),
        ({"cpu/cpu.cfs_quota_us": "150000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "150000\n", "cpu/cpu.cfs_period_us": "0\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "150000\n"}, 3),
        ({}, 3),
    ],
)
def test_a_containers_share_counts(
    files: dict[str, str], expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2})
    (tmp_path / "cpu").mkdir()
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert available_cores(tmp_path) == expected


def test_only_a_training_beside_another_one_spins_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.setattr(cores, "_held", [])
    share_cores(trains=False)
    assert cores._held == [], "an evaluation is no training"
    first: list = []
    monkeypatch.setattr(cores, "_held", first)
    share_cores(trains=True)
    share_cores(trains=True)
    assert "GOMP_SPINCOUNT" not in os.environ, "it is the first, also when it asks again"
    assert cores_to_use() == available_cores()
    monkeypatch.setattr(cores, "_held", [])  # as in another process
    share_cores(trains=True)
    assert int(os.environ["GOMP_SPINCOUNT"]) < 10_000
    assert cores_to_use() == max(1, available_cores() // 2)
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    share_cores(trains=True)
    assert os.environ["GOMP_SPINCOUNT"] == "7", "the user's own"
    monkeypatch.delenv("GOMP_SPINCOUNT")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {64})
    share_cores(trains=True)
    assert "GOMP_SPINCOUNT" not in os.environ, "cores of its own"
    cores._held.pop().close()
    monkeypatch.undo()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(cores, "_held", [])
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    first[0].close()
    share_cores(trains=True)
    assert "GOMP_SPINCOUNT" not in os.environ
    cores._held[0].close()


def test_where_nothing_can_be_locked_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.setattr(cores, "_held", [])
    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    share_cores(trains=True)
    assert "GOMP_SPINCOUNT" not in os.environ
