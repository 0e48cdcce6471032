"""What this user's account has signed is known again; nothing else is, and the key stays private."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trainhouse.configuration import schema
from trainhouse.machine import signing
from trainhouse.machine.signing import is_signed, sign

VALUE = {"path": "/data/x.csv", "split": [0.8, 0.1, 0.1], "noise": 1e-05, "none": None, "text": "é\ud800"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder for state, and a project, without a key."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "project").mkdir()
    monkeypatch.setattr(signing, "CONF", tmp_path / "project" / "conf")
    return tmp_path


def test_what_was_signed_is_known_whatever_the_order_of_its_keys(home: Path) -> None:
    signature = sign(VALUE)
    assert signature
    assert is_signed(dict(reversed(VALUE.items())), signature)
    for other in ({**VALUE, "path": "/data/y.csv"}, {**VALUE, "more": 1}, {**VALUE, "none": False}, None, []):
        assert not is_signed(other, signature)
    for other in (None, "", "é", signature[:-1], signature.upper(), 3, signature.encode()):
        assert not is_signed(VALUE, other)


def test_the_key_is_random_private_and_kept(home: Path) -> None:
    first = sign(VALUE)
    key = home / "state" / "trainhouse" / "key"
    assert len(key.read_bytes()) == 32
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert sign(VALUE) == first
    assert [path.name for path in key.parent.iterdir()] == ["key"]
    key.unlink()
    assert not is_signed(VALUE, first)
    assert sign(VALUE) != first


def test_processes_that_start_together_have_one_key(home: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(lambda _: sign(VALUE), range(64)))) == 1


def test_without_a_place_in_the_home_the_key_is_in_the_project_where_git_does_not_see_it(home: Path) -> None:
    (home / "state").write_text("a file in the way")
    signature = sign(VALUE)
    assert (home / "project" / ".trainhouse-key").is_file()
    assert is_signed(VALUE, signature)
    ignored = (schema.CONF.parent / ".gitignore").read_text().splitlines()
    assert "/.trainhouse-key" in ignored


def test_a_key_in_the_project_counts_only_while_the_home_has_and_takes_none(home: Path) -> None:
    (home / "state").write_text("a file in the way")
    signature = sign(VALUE)
    (home / "state").unlink()
    assert not is_signed(VALUE, signature), "the home can be written again: what came with a project is nobody's"
    assert is_signed(VALUE, sign(VALUE))
    assert sign(VALUE) != signature
    assert (home / "state" / "trainhouse" / "key").is_file()


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="there are no accounts by numbers")
def test_a_key_in_the_project_of_another_account_is_not_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "state").write_text("a file in the way")
    signature = sign(VALUE)
    assert is_signed(VALUE, signature)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert not is_signed(VALUE, signature)
    assert sign(VALUE) is None


def test_to_ask_makes_no_key(home: Path) -> None:
    assert not is_signed(VALUE, "0" * 64)
    assert not (home / "state").exists()


def test_where_nothing_can_be_kept_nothing_is_signed(home: Path) -> None:
    (home / "state").write_text("")
    (home / "project").rmdir()
    (home / "project").write_text("")
    assert sign(VALUE) is None
    assert not is_signed(VALUE, None)


def test_a_key_that_is_cut_short_is_not_used(home: Path) -> None:
    key = home / "state" / "trainhouse" / "key"
    key.parent.mkdir(parents=True)
    key.write_bytes(b"")
    assert sign(VALUE) is not None
    assert (home / "project" / ".trainhouse-key").stat().st_size == 32


@pytest.mark.parametrize("value", [{1, 2}, {"x": object()}, {1: 2, "1": 3}])
def test_what_is_no_plain_data_is_not_signed(value: object, home: Path) -> None:
    assert sign(value) is None


def test_a_file_system_without_links_has_a_key_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "not supported")

    monkeypatch.setattr(os, "link", refuse)
    assert is_signed(VALUE, sign(VALUE))
