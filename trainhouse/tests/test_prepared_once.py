"""What is worked out once, by whichever process comes first, whatever happens to it, to the disk and to the files."""

import errno
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trainhouse.arrays import hash_cache
from trainhouse.arrays import prepared as keeping
from trainhouse.arrays.array_file import open_array
from trainhouse.arrays.prepared import LIMIT, Arrays, place, prepared
from trainhouse.configuration.errors import UserError
from trainhouse.tests.forked import forked
from trainhouse.tests.test_prepared import ROWS, write
from trainhouse.tests.test_prepared import few_are_kept_too as few_are_kept_too


def squares(work_out: Callable[[], None] = lambda: None) -> Arrays:
    x = np.arange(100.0)
    return prepared("squares", [x], None, "x", lambda: (work_out(), {"found": x**2})[1])


def killed(*arguments: object, **named: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("moment", ["working out", "writing", "renaming"])
def test_a_killed_process_leaves_nothing_that_another_one_takes_for_whole(
    moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        if moment == "writing":
            patch.setattr(keeping, "write_json", killed)
        elif moment == "renaming":
            patch.setattr(Path, "rename", killed)
        work_out = killed if moment == "working out" else lambda: None
        assert forked(lambda: squares(work_out)) == [-signal.SIGKILL]
    started = time.monotonic()
    np.testing.assert_array_equal(squares()["found"], np.arange(100.0) ** 2)
    assert time.monotonic() - started < 5, "nobody waits for it"
    assert len(list(place().glob("[!.]*/entry.json"))) == 1


def test_of_several_processes_at_once_one_works_it_out(tmp_path: Path) -> None:
    def note() -> None:
        (tmp_path / f"worked-{os.getpid()}").touch()
        time.sleep(0.2)

    def check() -> None:
        np.testing.assert_array_equal(squares(note)["found"], np.arange(100.0) ** 2)

    assert forked(*[check] * 4) == [0] * 4
    assert len(list(tmp_path.glob("worked-*"))) == 1


def test_where_nothing_can_be_written_it_is_worked_out_and_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*arguments: object, **named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    caplog.set_level("INFO")
    monkeypatch.setattr(np, "save", full)
    for _ in range(2):
        np.testing.assert_array_equal(squares()["found"], np.arange(100.0) ** 2)
    assert caplog.text.count("is not kept for other runs") == 1
    assert not list(place().iterdir())
    place().rmdir()
    place().touch()
    np.testing.assert_array_equal(squares()["found"], np.arange(100.0) ** 2)


def test_what_was_not_used_for_longest_is_removed_when_there_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    def keep(number: int) -> list[str]:
        prepared("some", [np.arange(9)], number, "x", lambda: {"found": np.zeros(1000)})
        found = {folder.name: folder.stat().st_mtime_ns for folder in place().iterdir()}
        return sorted(found, key=lambda name: found[name])

    monkeypatch.setenv(LIMIT, "20e-6")
    (first,) = keep(0)
    second = keep(1)[-1]
    for entry, age in ((first, 10), (second, 20)):
        os.utime(place() / entry / "entry.json", (time.time() - age,) * 2)
    assert first in keep(2)
    assert second not in keep(2)
    monkeypatch.setenv(LIMIT, "1e-6")
    shutil.rmtree(place())
    prepared("some", [np.arange(9)], 0, "x", lambda: {"found": np.zeros(1000)})
    assert not place().exists(), "an entry larger than all may be is not kept"


@pytest.mark.parametrize("text", ["much", "-1", "nan"])
def test_a_limit_that_is_no_number_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT, text)
    with pytest.raises(UserError, match=rf"^{LIMIT}: expected a number of gigabytes from 0 up, got '{text}'$"):
        squares()


@pytest.mark.parametrize("how", ["written into", "replaced"])
def test_nothing_is_kept_of_a_file_that_changes_meanwhile(how: str) -> None:
    write()
    x = open_array("x.npy", "data.features")

    def change() -> Arrays:
        if how == "replaced":
            np.save("new.npy", np.zeros((ROWS, 3), np.float32))
            Path("new.npy").rename("x.npy")
        else:
            writable = np.load("x.npy", mmap_mode="r+")
            writable[:] = 0
            writable.flush()
            os.utime("x.npy")
        return {"sum": np.array([x.sum()])}

    prepared("sum", [x], None, "x.npy", change)
    assert not place().exists()
    assert hash_cache.key_of(x) is None, "it is not what its name leads to"
