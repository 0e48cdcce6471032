"""How many cores a process counts, and how it shares them."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trainhouse.machine import cores
from trainhouse.machine.cores import available_cores, cores_to_use, is_beside_another, share_cores


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


@pytest.fixture
def new_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], dict]]:
    """Returns what a new process holds: nothing yet."""
    held: list[dict] = []

    def new() -> dict:
        held.append({})
        monkeypatch.setattr(cores, "_held", held[-1])
        monkeypatch.setattr(cores, "_shares", False)
        monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
        cores_to_use.cache_clear()
        return held[-1]

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(cores, "available_cores", lambda: 5)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    yield new
    for locks in held:
        for lock in locks.values():
            lock.close()
    cores_to_use.cache_clear()


def test_only_a_training_beside_another_one_spins_less(
    new_process: Callable[[], dict], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert new_process() == {}
    share_cores(trains=False)
    assert cores._held == {}, "an evaluation is no training"
    first = new_process()
    share_cores(trains=True)
    share_cores(trains=True)
    assert "GOMP_SPINCOUNT" not in os.environ, "it is the first, also when it asks again"
    new_process()
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    share_cores(trains=False)
    assert os.environ["GOMP_SPINCOUNT"] == "7", "the user's own"
    new_process()
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {64})
    share_cores(trains=True)
    assert "GOMP_SPINCOUNT" not in os.environ, "cores of its own"
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    new_process()
    share_cores(trains=True)
    assert int(os.environ["GOMP_SPINCOUNT"]) < 10_000
    first.popitem()[1].close()
    cores._held.popitem()[1].close()
    new_process()
    share_cores(trains=True)
    assert "GOMP_SPINCOUNT" not in os.environ


def test_trainings_that_are_started_together_take_half_of_the_cores_each(new_process: Callable[[], dict]) -> None:
    first = new_process()
    share_cores(trains=True)
    assert not is_beside_another()
    second = new_process()
    share_cores(trains=True)
    assert cores_to_use() == 2
    first.popitem()[1].close()
    assert not is_beside_another()
    assert cores_to_use() == 2, "what it has begun with"
    second.popitem()[1].close()


def test_the_first_training_sees_those_that_come_after_it(
    new_process: Callable[[], dict], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = new_process()
    share_cores(trains=True)
    second = new_process()
    share_cores(trains=True)
    monkeypatch.setattr(cores, "_held", first)
    assert is_beside_another()
    second.popitem()[1].close()
    assert not is_beside_another()
    assert cores_to_use() == 5


def test_a_process_that_a_sweep_has_started_takes_what_it_is_given(new_process: Callable[[], dict]) -> None:
    new_process()
    share_cores(trains=True)
    new_process()
    assert cores_to_use() == 5


def test_where_nothing_can_be_locked_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.setattr(cores, "_held", {})
    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    share_cores(trains=True)
    assert "GOMP_SPINCOUNT" not in os.environ
