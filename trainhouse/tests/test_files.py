"""A file is whole or not there, whatever happens while it is written."""

import hashlib
import json
import math

import pytest

from trainhouse.machine.files import atomic_write, copy, sha256, write_json, write_text, written_as_json


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=["disk full", "interrupt"])
@pytest.mark.parametrize("before", [None, b"old"], ids=["no file", "old file"])
def test_a_write_that_fails_leaves_what_was_there_and_nothing_else(tmp_path, error, before):
    path = tmp_path / "model.ckpt"
    if before:
        path.write_bytes(before)

    def write_half() -> None:
        with atomic_write(path) as file:
            file.write(b"half of the new")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == ({"model.ckpt": before} if before else {})


def test_a_reader_sees_the_old_file_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "model.ckpt"
    path.write_bytes(b"old")
    with atomic_write(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["model.ckpt"]
    assert path.read_bytes() == b"new"


def test_what_is_written_before_a_block_takes_its_name_after_it(tmp_path):
    path, value = tmp_path / "metrics.json", {"loss": 0.5}
    with written_as_json(path, value):
        (partial,) = tmp_path.iterdir()
        assert json.loads(partial.read_text()) == value  # so it has its room
        assert not path.exists()
    assert [file.name for file in tmp_path.iterdir()] == ["metrics.json"]


def test_a_rename_that_fails_leaves_no_partial_file(tmp_path):
    (tmp_path / "model.ckpt").mkdir()
    with pytest.raises(OSError, match=r"model\.ckpt"), atomic_write(tmp_path / "model.ckpt") as file:
        file.write(b"new")
    assert [file.name for file in tmp_path.iterdir()] == ["model.ckpt"]


def test_missing_folders_are_made(tmp_path):
    write_text(tmp_path / "a" / "b" / "note.txt", "né")
    assert (tmp_path / "a" / "b" / "note.txt").read_text(encoding="utf-8") == "né"


def test_a_written_file_has_the_permissions_of_any_other_new_file(tmp_path):
    (tmp_path / "plain").touch()
    write_text(tmp_path / "atomic", "")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_json_has_null_where_a_number_is_not_finite(tmp_path, number):
    write_json(tmp_path / "metrics.json", {"metrics": {"val/loss": number, "val/acc": 0.5}, "all": [1, (number,)]})

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    read = json.loads((tmp_path / "metrics.json").read_text(), parse_constant=refuse)
    assert read == {"metrics": {"val/loss": None, "val/acc": 0.5}, "all": [1, [None]]}


def test_a_value_that_json_does_not_know_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "metrics.json", {"a": 1})
    with pytest.raises(TypeError):
        write_json(tmp_path / "metrics.json", {"a": object()})
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"a": 1}


def test_a_copy_has_the_bytes_and_the_digest_of_its_source(tmp_path):
    (tmp_path / "a").write_bytes(b"weights")
    copy(tmp_path / "a", tmp_path / "new" / "b")
    assert (tmp_path / "new" / "b").read_bytes() == b"weights"
    assert sha256(tmp_path / "new" / "b") == hashlib.sha256(b"weights").hexdigest()
