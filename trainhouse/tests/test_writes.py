"""Every write of a process is seen, however it is spelled; what somebody else has configured writes below its run."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.machine.files import write_json
from trainhouse.machine.writes import only_below, watched


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder beside which nobody may write: these tests' own is below the system's folder for temporary files."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old.txt").write_text("mine")
    (tmp_path / "run" / "link").symlink_to(tmp_path / "out")
    (tmp_path / "run" / "new.txt").write_text("theirs")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _by_descriptor(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.unlink(path.name, dir_fd=folder)
    finally:
        os.close(folder)


WAYS: dict[str, Callable[[Path], object]] = {
    "write": lambda path: path.write_text("x"),
    "append": lambda path: open(path, "a").close(),
    "update": lambda path: open(path, "r+b").close(),
    "make": lambda path: path.with_name("new").open("x").close(),
    "touch": lambda path: path.touch(),
    "descriptor": lambda path: os.close(os.open(path, os.O_WRONLY)),
    "folder": lambda path: path.with_name("new").mkdir(),
    "folders": lambda path: (path.parent / "a" / "b").mkdir(parents=True),
    "remove": lambda path: path.unlink(),
    "remove below a descriptor": _by_descriptor,
    "remove all": lambda path: shutil.rmtree(path.parent),
    "rename away": lambda path: path.rename("run/stolen"),
    "rename onto": lambda path: Path("run/new.txt").replace(path),
    "copy": lambda path: shutil.copy("run/new.txt", path),
    "link": lambda path: path.with_name("new").symlink_to("x"),
    "hard link": lambda path: path.with_name("new").hardlink_to(Path("run/new.txt")),
    "truncate": lambda path: os.truncate(path, 0),
    "mode": lambda path: path.chmod(0o777),
    "time": lambda path: os.utime(path),
    "bytes": lambda path: open(os.fsencode(path), "wb").close(),
    "atomic": lambda path: write_json(path, {}),
}


@pytest.mark.parametrize("spelled", ["out/old.txt", "run/../out/old.txt", "run/link/old.txt"])
@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_written_outside(way: str, spelled: str, place: Path) -> None:
    if way == "remove all" and "link" in spelled:
        pytest.skip("Python does it by itself")
    before = {path: path.lstat() for path in (place / "out").rglob("*")}
    with (
        only_below("config.yaml", place / "run"),
        pytest.raises(UserError, match=rf"^config\.yaml: would write '{place}/out.*write only below {place}/run and"),
    ):
        WAYS[way](place / spelled)
    assert {path: path.lstat() for path in (place / "out").rglob("*")} == before
    assert (place / "run" / "new.txt").read_text() == "theirs"


@pytest.mark.parametrize("folder", ["run", "tmp", "data/processed"])
@pytest.mark.parametrize("way", WAYS)
def test_what_may_be_written_is(way: str, folder: str, place: Path) -> None:
    (place / folder / "sub").mkdir(parents=True)
    (place / folder / "sub" / "old.txt").write_text("x")
    with only_below("config.yaml", place / "run"):
        WAYS[way](place / folder / "sub" / "old.txt")


def test_one_s_own_may_write_anywhere_and_reading_is_free(place: Path) -> None:
    with only_below(None, place / "run"):
        (place / "out" / "new").write_text("x")
    with only_below("config.yaml", place / "run"):
        assert (place / "out" / "old.txt").read_text() == "mine"
        (place / "out").mkdir(exist_ok=True)
        list((place / "out").iterdir())
    (place / "out" / "new").write_text("x")


def test_every_write_is_recorded(place: Path) -> None:
    seen: list[tuple[str, str]] = []
    with watched(lambda event, path: seen.append((event, path))):
        (place / "run" / "link" / "a").write_text("x")
        (place / "run" / "link" / "a").replace(place / "out" / "b")
        (place / "out" / "b").read_text()
    assert seen == [
        ("open", f"{place}/out/a"),
        ("os.rename", f"{place}/out/a"),
        ("os.rename", f"{place}/out/b"),
    ]
