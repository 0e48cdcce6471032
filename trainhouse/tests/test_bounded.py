"""Files that somebody else may have written are read within limits, which come before anything is made of them."""

import json
import time
from pathlib import Path

import pytest
import torch

from trainhouse.checkpoints.checkpoint import read as read_checkpoint
from trainhouse.configuration.bounded import MOST_LEVELS, check_bounds, read_config, read_json, read_yaml
from trainhouse.configuration.errors import UserError

ALIAS_BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize("read", [read_yaml, read_config])
def test_aliases_are_counted_before_they_are_written_out(read, path):
    path.write_text(ALIAS_BOMB)  # 9 to the power of 9 values
    started = time.monotonic()
    with pytest.raises(ValueError, match="stands for more than"):
        read(path)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("text", ["x: &x [*x]\n", "x: &x {y: *x}\n", "x: [*y]\n"])
def test_an_alias_of_what_it_stands_in_is_refused(text, path):
    path.write_text(text)
    with pytest.raises(ValueError, match="line 1"):
        read_yaml(path)


def test_aliases_pile_up_no_more_levels_than_brackets_may(path):
    rows = [f"k{number}: &k{number} [{f'*k{number - 1}' if number else 1}]" for number in range(MOST_LEVELS + 5)]
    path.write_text("\n".join(rows))
    with pytest.raises(ValueError, match="deeper"):
        read_yaml(path)
    path.write_text("\n".join(rows[: MOST_LEVELS - 5]))
    assert len(read_yaml(path)) == MOST_LEVELS - 5


def test_a_few_aliases_are_as_good_as_what_they_stand_for(path):
    path.write_text("a: &a {x: 1, y: [2, 3]}\nb: {<<: *a, z: 4}\nc: *a\n")
    assert read_config(path) == {
        "a": {"x": 1, "y": [2, 3]},
        "b": {"x": 1, "y": [2, 3], "z": 4},
        "c": {"x": 1, "y": [2, 3]},
    }


@pytest.mark.parametrize("read", [read_yaml, read_json])
@pytest.mark.parametrize("levels", [MOST_LEVELS + 2, 2_000, 200_000])
def test_what_goes_too_deep_is_refused(read, levels, path):
    path.write_text(nested(levels))
    with pytest.raises(ValueError, match=r"deeper|depth"):
        read(path)


@pytest.mark.parametrize("read", [read_yaml, read_json])
def test_what_has_as_many_levels_as_it_may_is_read(read, path):
    path.write_text(nested(MOST_LEVELS))
    assert read(path) == json.loads(nested(MOST_LEVELS))


@pytest.mark.parametrize(("read", "size"), [(read_yaml, 5 * 2**20), (read_json, 65 * 2**20)])
def test_a_huge_file_is_refused_unread(read, size, path):
    with open(path, "wb") as file:
        file.truncate(size)
    with pytest.raises(ValueError, match="larger than"):
        read(path)


@pytest.mark.parametrize("text", ["a: [1", "a: !!python/object/apply:os.system [x]", "{[]: 1}", "\x00", ""])
def test_what_is_no_configuration_is_refused(text, path):
    path.write_text(text)
    with pytest.raises(ValueError, match=r"."):
        read_config(path)


def test_bytes_that_are_no_text_are_refused(path):
    path.write_bytes(b"\xff\xfe\xfa")
    for read in (read_yaml, read_json):
        with pytest.raises(ValueError, match="utf-8"):
            read(path)


@pytest.mark.parametrize("text", ["${oc.env:HOME}", "x${now:%Y}", "${" * 300])
def test_an_interpolation_is_named_with_its_key_and_not_read(text, path):
    path.write_text(json.dumps({"a": {"b": [1, text]}}))
    with pytest.raises(ValueError, match=r"^a\.b\[1\] is .*; a file may hold no interpolation$"):
        read_config(path)
    path.write_text(json.dumps({"a": {text: 1}}))
    with pytest.raises(ValueError, match=r"^a is .*; a file may hold no interpolation$"):
        read_config(path)


def test_numbers_are_what_omegaconf_takes_for_numbers(path):
    path.write_text("lr: 1e-3\nday: 2026-11-26\nhow: ${name}\n")
    assert read_config(path, ["${name}"]) == {"lr": 0.001, "day": "2026-11-26", "how": "${name}"}


def test_shared_values_count_wherever_they_stand():
    bomb: list = [1] * 9
    for _ in range(9):
        bomb = [bomb] * 9
    with pytest.raises(ValueError, match="stands for more than"):
        check_bounds({"model": bomb})
    itself: dict = {}
    itself["x"] = itself
    with pytest.raises(ValueError, match="deeper"):
        check_bounds(itself)
    check_bounds({"a": [1, {"b": (2, 3)}]})


@pytest.mark.parametrize("config", ["shared", "deep"])
def test_a_checkpoint_is_read_within_the_same_limits(config, path):
    bomb: object = 1
    for _ in range(9 if config == "shared" else 200):
        bomb = [bomb] * 9 if config == "shared" else {"x": bomb}
    torch.save({"project": {"format": 1, "config": {"model": bomb}}, "state_dict": {}}, path)
    started = time.monotonic()
    with pytest.raises(UserError, match=rf"^{path}: its 'project' (stands for more|goes deeper) than"):
        read_checkpoint(path)
    assert time.monotonic() - started < 5
