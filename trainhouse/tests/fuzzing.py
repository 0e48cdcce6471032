"""Damages files in every way that a disk, an editor or an adversary might, and watches what reading them does."""

import copy
import io
import json
import os
import pickle
import signal
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any, NoReturn

import torch
import yaml

from trainhouse.configuration.errors import UserError

DEPTH = 3000  # deeper than Python recurses
LONGEST = 20  # seconds: what takes longer hangs
_CHOSEN = "CHOSEN-FOR-DEPTH"
_TEMPORARY = Path(tempfile.gettempdir()).resolve()

_TEXTS = ["", " ", "null", "0", "x" * 10_000, "a\nb", "\x1b[31mred", "../../x", "/etc/passwd", "${oc.env:HOME}", "ä€𝄞"]
_NUMBERS = [0, 1, -1, 7, 2**31, 2**70, -(10**400), 0.5, -0.0, 1e308, float("nan"), float("inf"), True, False]


def odd_value(random: Random) -> Any:
    """A value that JSON can hold, of any type."""
    kind = random.randrange(6)
    if kind == 0:
        return None
    if kind == 1:
        return random.choice(_TEXTS)
    if kind == 2:
        return random.choice([[], [[]], [None], ["a", 1], {}, {"a": None}, {"_target_": "os.system"}, [{}] * 3])
    if kind == 3:
        return nested(random.choice([40, DEPTH]), random.choice([list, dict]))
    return random.choice(_NUMBERS)


def odd_object(random: Random) -> Any:
    """A value that a checkpoint can hold: one of JSON's, or a tensor that is none of a network's."""
    if random.randrange(2):
        return odd_value(random)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of layouts that torch calls new
        return random.choice(_OBJECTS)()


_OBJECTS: list[Callable[[], Any]] = [
    lambda: torch.zeros(3),
    lambda: torch.full((2, 2), float("nan")),
    lambda: torch.eye(3).to_sparse(),
    lambda: torch.eye(3).to_sparse_csr(),
    lambda: torch.zeros(4, device="meta"),
    lambda: torch.zeros(1).expand(10**12),
    lambda: torch.zeros(0),
    lambda: torch.zeros((), dtype=torch.complex64),
    lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
    lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    lambda: torch.nn.Parameter(torch.ones(2)),
    lambda: torch.float16,
    lambda: torch.device("cuda:7"),
    lambda: b"\x00\xff",
    lambda: {1: 2},
    lambda: {(1, 2): 3},
    lambda: {1, 2},
    lambda: (1, "a"),
    lambda: 1j,
]


def odd_tensor(tensor: torch.Tensor, random: Random) -> Any:
    """`tensor` in another dtype, layout, shape or place."""
    return random.choice(
        [
            lambda: tensor.to(random.choice([torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.bool])),
            lambda: tensor.to(torch.complex64),
            lambda: tensor.to("meta"),
            lambda: tensor.to_sparse() if tensor.ndim else tensor,
            lambda: torch.zeros(1, dtype=tensor.dtype).expand(10**12),
            lambda: torch.full_like(tensor, float("nan")) if tensor.is_floating_point() else tensor,
            lambda: tensor[None],
            lambda: tensor.flatten()[:0],
            lambda: tensor.tolist(),
        ]
    )()


def nested(depth: int, kind: type) -> Any:
    """`depth` lists or mappings, each within the one before."""
    value: Any = kind()
    for _ in range(depth):
        value = [value] if kind is list else {"a": value}
    return value


def changed(content: Any, random: Random, odd: Callable[[Random], Any] = odd_value) -> Any:
    """A copy of plain data with one thing in it replaced, removed, renamed or added."""
    content = copy.deepcopy(content)
    places = list(_places(content))
    if not places or random.randrange(20) == 0:
        return odd(random)
    # By depth first: else the few keys at the top are hardly ever met.
    depth = random.choice(sorted({depth for *_, depth in places}))
    parent, key, _ = random.choice([place for place in places if place[2] == depth])
    act = random.randrange(8)
    if act == 0:
        del parent[key]
    elif act == 1 and isinstance(parent, dict):
        parent[random.choice([f"{key}x", 7, ""])] = parent.pop(key)
    elif act == 2 and isinstance(parent, dict):
        parent[random.choice(["_target_", "_partial_", "new", "defaults", "hydra"])] = odd(random)
    elif isinstance(parent[key], torch.Tensor) and random.randrange(3):
        parent[key] = odd_tensor(parent[key], random)
    else:
        parent[key] = odd(random)
    return content


def _places(node: Any, depth: int = 0) -> Iterator[tuple[Any, Any, int]]:
    if isinstance(node, dict | list):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            yield node, key, depth
            yield from _places(node[key], depth + 1)


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


class _Watch:
    """What is written while it is on, from whatever module: Python tells its audit hooks, which can't be removed."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.outside: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.folder is None:
            return
        if event in ("os.system", "os.exec", "os.posix_spawn") or (
            event == "subprocess.Popen" and arguments[0] != "git"
        ):
            self.outside.append(f"{event} {arguments[0]}")
        elif event == "open":
            path, mode, flags = arguments
            writes = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) if mode is None else set(mode) & set("wax+")
            if writes and isinstance(path, str | bytes | os.PathLike):
                self._check(path)
        elif event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.truncate"):
            # A relative path may be below an open folder, as where a tree is removed: its own path was heard before.
            for path in arguments[: 1 if event in ("os.mkdir", "os.remove", "os.rmdir", "os.truncate") else 2]:
                if isinstance(path, str | bytes | os.PathLike) and (
                    arguments[-1] == -1 or Path(os.fsdecode(path)).is_absolute()
                ):
                    self._check(path)

    def _check(self, path: Any) -> None:
        folder, self.folder = self.folder, None
        assert folder is not None
        real = Path(os.fsdecode(path)).resolve()
        is_lock = real == _TEMPORARY or (real.parent == _TEMPORARY and real.suffix == ".lock")  # of this machine
        if not real.is_relative_to(folder) and not str(real).startswith("/dev/") and not is_lock:
            self.outside.append(str(real))
        self.folder = folder


_watch = _Watch()


@contextmanager
def only_below(folder: Path) -> Iterator[None]:
    """Fail if anything is written outside `folder`, or started, or if it takes longer than `LONGEST` seconds."""

    def hangs(signum: int, frame: FrameType | None) -> NoReturn:
        raise AssertionError(f"takes longer than {LONGEST} seconds")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(LONGEST)
    _watch.folder, _watch.outside = folder.resolve(), []
    try:
        yield
    finally:
        _watch.folder = None
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert not _watch.outside, f"writes or starts {_watch.outside[:3]}"


def outcome(act: Callable[[], Any], folder: Path) -> Any:
    """Return what `act` returns, or the `UserError` by which it refuses: all else that it raises is a fault."""
    with only_below(folder):
        try:
            return act()
        except UserError as error:
            return error
