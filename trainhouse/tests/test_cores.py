"""How many cores a process counts, and how it shares them."""

import os
import tempfile
from pathlib import Path

import pytest

from trainhouse.machine import cores
from trainhouse.machine.cores import available_cores, cores_to_use, others_have_come, share_cores


@pytest.mark.parametrize(
    ("quota", "expected"), [("max 100000", 3), ("150000 100000", 2), ("10000 100000", 1), ("junk", 3), (None, 3)]
)
def test_a_containers_share_counts(
    quota: str | None, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2})
    if quota:
        (tmp_path / "cpu.max").write_text(quota)
    assert available_cores(tmp_path / "cpu.max") == expected


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
    assert not others_have_come()
    second: list = []
    monkeypatch.setattr(cores, "_held", second)  # as in another process
    share_cores(trains=False)
    assert not others_have_come()
    share_cores(trains=True)
    assert others_have_come()
    second.pop().close()
    assert not others_have_come()
    assert int(os.environ["GOMP_SPINCOUNT"]) < 10_000
    assert cores_to_use() == max(1, available_cores() // 2)
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    share_cores(trains=False)
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
