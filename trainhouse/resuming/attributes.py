"""What a module, or a callback, keeps in plain attributes while it trains: outputs of an epoch, a temperature, a count.

Lightning saves none of it. Attributes that have changed since training started are saved and set again; what the
constructor, or the start of training, has set stays as it is, since that may follow from the command line.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn
from torchmetrics import Metric

from trainhouse.checkpoints.plain import is_plain
from trainhouse.resuming.digest import digest
from trainhouse.resuming.generators import KINDS, get_state, set_state

Saved = dict[str, dict[str, Any]]


class PlainAttributes:
    """The plain attributes of a module, its submodules and callbacks: as training starts, and what becomes of them.

    Of callbacks those count that are no library's and that have no `state_dict` of their own.
    """

    def __init__(self, module: L.LightningModule, callbacks: Iterable[L.Callback] = ()) -> None:
        self.module = module
        self.owners = _owners(module, callbacks)
        """The module's parts and the callbacks, by name."""
        self._at_start = {(path, name): digest(value, whole=True) for path, name, value in self._attributes()}

    def changed(self) -> Saved:
        """Return copies of those that are no longer what they were, by submodule and name."""
        saved: Saved = {}
        for path, name, value in self._attributes():
            if self._at_start.get((path, name)) != digest(value, whole=True):
                saved.setdefault(path, {})[name] = _with_tensors(value, lambda one: one.detach().clone())
        return saved

    def restore(self, saved: Saved) -> None:
        """Set what `changed` has returned; of submodules that are no longer there nothing."""
        for path, values in saved.items():
            for name, value in values.items() if path in self.owners else ():
                _set(self.owners[path], name, value, self.module)

    def others(self) -> Iterator[tuple[str, str, Any]]:
        """Yield the attributes that can't be saved, with their owner's name; what is in libraries' own is theirs."""
        weights = self._weights()
        for path, owner in self.owners.items():
            for name, value in vars(owner).items() if not of_library(type(owner)) else ():
                if not _is_internal(owner, name) and not _can_be_saved(_as_plain(value), weights):
                    yield path, name, value

    def _attributes(self) -> Iterator[tuple[str, str, Any]]:
        """Yield what can be saved: of a generator its state, of a deque, an array or a kind of dict what is in it."""
        weights = self._weights()
        for path, owner in self.owners.items():
            for name in sorted(owner._non_persistent_buffers_set) if isinstance(owner, nn.Module) else ():
                if (buffer := getattr(owner, name)) is not None:
                    yield path, name, buffer
            for name, value in vars(owner).items():
                if not _is_internal(owner, name) and _can_be_saved(plain := _as_plain(value), weights):
                    yield path, name, plain

    def _weights(self) -> set[int]:
        return {id(weight) for weight in (*self.module.parameters(), *self.module.buffers())}


def _of_lightning() -> set[str]:
    """The attributes of a module that Lightning sets, those of hyperparameters included."""
    module = L.LightningModule()
    module.save_hyperparameters({"any": 0})  # of none Lightning sets nothing
    return {*vars(module)}


class _BareMetric(Metric):
    def update(self) -> None:
        """Count nothing."""

    def compute(self) -> None:
        """Return nothing."""


_INTERNAL = _of_lightning()
_OF_METRICS = {*vars(_BareMetric())}


def _is_internal(owner: Any, name: str) -> bool:
    """Whether an attribute is none of the class's author; the states of metrics are saved as such."""
    return name in _INTERNAL or (isinstance(owner, Metric) and (name in _OF_METRICS or name in owner.metric_state))


def _owners(module: L.LightningModule, callbacks: Iterable[L.Callback]) -> dict[str, Any]:
    owners: dict[str, Any] = dict(module.named_modules())
    for callback in callbacks:
        kind = type(callback)
        has_state = kind.state_dict is not L.Callback.state_dict or (
            kind.on_save_checkpoint is not L.Callback.on_save_checkpoint
        )
        if not has_state and not of_library(kind) and not kind.__module__.startswith(_OWN):
            same = sum(type(other) is kind for other in owners.values())
            owners[f"callback {kind.__qualname__}{f' {same + 1}' if same else ''}"] = callback
    return owners


_OWN = f"{__name__.partition('.')[0]}."


def of_library(kind: type) -> bool:
    """Whether a class is of a package that is installed, or of Python itself."""
    module = sys.modules.get(kind.__module__)
    place = getattr(module, "__file__", None)
    if kind.__module__.partition(".")[0] in sys.stdlib_module_names:
        return True
    return place is not None and any(folder in Path(place).parts for folder in ("site-packages", "dist-packages"))


def _can_be_saved(value: Any, weights: set[int]) -> bool:
    return is_plain(value) and not _holds(value, weights)


def _as_plain(value: Any) -> Any:
    if isinstance(value, KINDS):
        return get_state(value)
    if isinstance(value, deque):
        return list(value)
    if isinstance(value, dict):
        return dict(value)
    return torch.from_numpy(value) if isinstance(value, np.ndarray) and value.dtype.kind in "fiub" else value


def _set(part: Any, name: str, value: Any, module: L.LightningModule) -> None:
    """Set an attribute; what has a kind of its own keeps it."""
    present = getattr(part, name, None)
    if isinstance(present, nn.Parameter):  # in its place there was what a pruned layer computes of its weights
        return
    if isinstance(present, KINDS):
        set_state(present, value)
        return
    value = _with_tensors(value, lambda one: one.to(module.device))
    if isinstance(present, deque):
        present.clear()
        present.extend(value)
    elif isinstance(present, dict) and type(present) is not dict:
        present.clear()
        present.update(value)
    elif isinstance(present, np.ndarray) and isinstance(value, Tensor):
        setattr(part, name, value.cpu().numpy())
    else:
        setattr(part, name, value)


def _holds(value: Any, weights: set[int]) -> bool:
    """Whether a value has the module's own weights in it, as the list that an RNN keeps of them."""
    if isinstance(value, Tensor):
        return id(value) in weights
    if isinstance(value, dict):
        return any(_holds(item, weights) for item in value.values())
    return isinstance(value, (list, tuple)) and any(_holds(item, weights) for item in value)


def _with_tensors(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Return a copy of plain data with what `change` makes of each tensor in it."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, dict):
        return {key: _with_tensors(item, change) for key, item in value.items()}
    is_several = type(value) in (list, tuple, set)
    return type(value)(_with_tensors(item, change) for item in value) if is_several else value
