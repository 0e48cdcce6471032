"""Values that nobody expects, and plain data with one thing in it changed."""

import copy
import warnings
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import torch

DEPTH = 3000  # deeper than Python recurses
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
