"""A short name for what a batch holds, whatever its structure: to tell whether data gives the same batch again."""

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

_SAMPLES = 512  # numbers of an array that count, evenly spaced: a batch of any size is named in some 30 us


def digest(batch: Any, whole: bool = False) -> str:
    """Return 16 hexadecimal digits that differ when the structure, a shape or one of the sampled numbers differs.

    With `whole` every number counts.
    """
    state = hashlib.blake2b(digest_size=8)
    _update(state, batch, None if whole else _SAMPLES, depth=0)
    return state.hexdigest()


def _update(state: "hashlib.blake2b", item: Any, samples: int | None, depth: int) -> None:
    state.update(type(item).__name__.encode())
    if isinstance(item, Tensor):
        _update_numbers(state, item.detach(), samples)
    elif isinstance(item, np.ndarray) and item.dtype != object:
        state.update(f"{item.shape}{item.dtype}".encode())
        state.update(np.ascontiguousarray(item.reshape(-1)[:: _stride(item.size, samples)]).tobytes())
    elif item is None or isinstance(item, (bool, int, float, complex, str, bytes, np.generic)):
        state.update(repr(item).encode())
    elif depth > 8:
        return
    elif isinstance(item, Mapping):
        for key, value in item.items():
            state.update(repr(key).encode())
            _update(state, value, samples, depth + 1)
    elif isinstance(item, (Sequence, np.ndarray)):
        for value in item:
            _update(state, value, samples, depth + 1)
    elif isinstance(item, Set):
        state.update(repr(sorted(map(repr, item))).encode())
    elif is_dataclass(item):
        for field in fields(item):
            _update(state, getattr(item, field.name), samples, depth + 1)
    elif hasattr(item, "__dict__"):  # such as a batch of graphs
        _update(state, vars(item), samples, depth + 1)


def _stride(size: int, samples: int | None) -> int:
    return max(1, size // samples) if samples else 1


def _update_numbers(state: "hashlib.blake2b", tensor: Tensor, samples: int | None) -> None:
    state.update(f"{tuple(tensor.shape)}{tensor.dtype}".encode())
    if tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    if tensor.is_nested or tensor.is_quantized:
        return
    if tensor.numel():
        sample = tensor.reshape(-1)[:: _stride(tensor.numel(), samples)].contiguous().resolve_conj().resolve_neg()
        state.update(sample.view(torch.uint8).cpu().numpy().tobytes())


def row_count(batch: Any) -> int:
    """Return how many rows a batch has: the length of the first tensor, array or list of values in it; 1 without any.

    A mapping or a tuple is looked through in its own order.
    """
    return _first_length(batch) or 1


def _first_length(item: Any) -> int:
    if isinstance(item, (Tensor, np.ndarray)):
        return int(item.shape[0]) if item.ndim else 1
    if isinstance(item, Mapping):
        return next((length for value in item.values() if (length := _first_length(value))), 0)
    if isinstance(item, Sequence) and not isinstance(item, (str, bytes)):
        inner = next((length for value in item if (length := _first_length(value))), 0)
        return inner or len(item)
    if hasattr(item, "num_graphs"):  # a batch of graphs, whose tensors are of nodes and edges
        return int(item.num_graphs)
    if is_dataclass(item) or hasattr(item, "__dict__"):
        return _first_length(list(vars(item).values()))
    return 0
