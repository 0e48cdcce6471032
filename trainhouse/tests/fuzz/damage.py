"""Damages files in every way that a disk, an editor or an adversary might."""

import io
import json
import pickle
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import torch
import yaml

from trainhouse.tests.fuzz.values import DEPTH, changed, odd_object

_CHOSEN = "CHOSEN-FOR-DEPTH"
_whole: dict[Path, str] = {}


def damage(path: Path, how: Callable[[str, Random], bytes], random: Random) -> None:
    """Damage a file of text; one that was damaged before, as it was at first."""
    if path not in _whole:
        _whole[path] = path.read_text()
    path.write_bytes(how(_whole[path], random))


def damaged(data: bytes, random: Random) -> bytes:
    """Bytes as a bad disk, a broken download or a slip of the hand leaves them."""
    start = random.randrange(len(data) + 1)
    stop = min(len(data), start + random.choice([1, 1, 4, 100, 5000]))
    act = random.randrange(7)
    if act == 0:
        return data[:start]
    if act == 1:
        return data[:start] + data[stop:]
    if act == 2:
        return data[:start] + bytes(stop - start) + data[stop:]
    if act == 3:
        return data[:stop] + data[start:stop] + data[stop:]
    if act == 4:
        return data[:start] + random.choice([b"<html>", b"\xff\xfe", b"\x00", b"[" * DEPTH, b"9" * 5000]) + data[stop:]
    if act == 5:
        others = [b"", b"PK\x03\x04", b"\x80\x02.", b"{}", b"[", b"null", b"[" * DEPTH, b"\x93NUMPY\x01\x00"]
        return random.choice(others)
    flipped = bytearray(data)
    for _ in range(random.choice([1, 3, 30])):
        flipped[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(flipped)


def damaged_json(text: str, random: Random) -> bytes:
    """JSON with other content, or damaged."""
    if random.randrange(3) == 0:
        return damaged(text.encode(), random)
    return _deep_json(changed(json.loads(text), random)).encode()


def damaged_lines(text: str, random: Random) -> bytes:
    """A file of one JSON object per line, with other content, or damaged, or in another order."""
    lines = text.splitlines()
    act = random.randrange(4)
    if act == 0:
        return damaged(text.encode(), random)
    if act == 1:
        random.shuffle(lines)
    elif act == 2:
        del lines[random.randrange(len(lines))]
    else:
        number = random.randrange(len(lines))
        lines[number] = _deep_json(changed(json.loads(lines[number]), random))
    return ("\n".join(lines) + "\n").encode()


def damaged_yaml(text: str, random: Random) -> bytes:
    """YAML with other content, or damaged, or one that grows when it is read."""
    act = random.randrange(6)
    if act < 2:
        return damaged(text.encode(), random)
    if act == 2:
        bomb = "a0: &a0 [1, 1]\n" + "".join(f"a{i}: &a{i} [{f'*a{i - 1}, ' * 9}]\n" for i in range(1, 10))
        return (bomb + text).encode()
    return _deep_json(changed(yaml.safe_load(text), random)).encode()  # JSON is YAML


def _deep_json(value: Any) -> str:
    """JSON of a value that may be deeper than Python's own encoder goes."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20 * DEPTH)
    try:
        return json.dumps(value, default=str)
    except ValueError:  # a number of more digits than Python writes
        return '{"metrics": ' + "9" * 5000 + "}"
    finally:
        sys.setrecursionlimit(limit)


def damaged_checkpoint(path: Path, random: Random) -> bytes:
    """A checkpoint with other content, or damaged."""
    if random.randrange(4) == 0:
        return damaged(path.read_bytes(), random)
    content = torch.load(path, weights_only=True)
    part = random.choice([*content, "project", "project", "state_dict", "state_dict", "callbacks"])
    if random.randrange(40):
        content[part] = changed(content[part], random, odd_object) if random.randrange(10) else _CHOSEN
    else:
        del content[part]
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20 * DEPTH)
    try:
        return saved(content)
    finally:
        sys.setrecursionlimit(limit)


def saved(content: Any) -> bytes:
    """What `torch.save` writes; the text `_CHOSEN` in it becomes a very deep list."""
    file = io.BytesIO()
    torch.save(content, file)
    data = file.getvalue()
    if _CHOSEN.encode() not in data:
        return data
    deep = pickle.EMPTY_LIST * DEPTH + pickle.APPEND * (DEPTH - 1)
    name = b"X" + len(_CHOSEN).to_bytes(4, "little") + _CHOSEN.encode()
    again = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(again, "w") as new:
        for info in old.infolist():
            new.writestr(info, old.read(info).replace(name, deep))
    return again.getvalue()
