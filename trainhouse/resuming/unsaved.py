"""Notices what changes in training and no checkpoint holds: an object that counts, a network in a list."""

import hashlib
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass
from types import SimpleNamespace
from typing import Any

import lightning as L
import numpy as np
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import Metric

from trainhouse.resuming.attributes import PlainAttributes, of_library
from trainhouse.resuming.digest import digest
from trainhouse.resuming.generators import KINDS, get_state
from trainhouse.resuming.trainer_parts import callbacks_of, datamodule_of

_MOST = 5_000  # values of one attribute that count
_ALWAYS = 16  # comparisons; from there on after twice as many each time


class Unsaved:
    """The attributes that `PlainAttributes` can't save, as they are when training starts, to be compared."""

    def __init__(self, attributes: PlainAttributes, trainer: L.Trainer) -> None:
        self.attributes, self.trainer = attributes, trainer
        self._comparisons = 0
        self._at_start = self._digests()

    def changed(self) -> list[str]:
        """Return what has changed, as ``MyModule.teacher (a list)``; now and then only, since it takes its time."""
        self._comparisons += 1
        if self._comparisons > _ALWAYS and self._comparisons & (self._comparisons - 1):
            return []
        return [name for name, value in self._digests().items() if self._at_start.get(name) != value]

    def _digests(self) -> dict[str, str]:
        found = {}
        saved = _Saved(self.trainer)
        for path, name, value in self.attributes.others():
            with suppress(Exception):  # an attribute can be anything
                if value_digest := saved.digest_of_others(value):
                    is_callback = not isinstance(owner := self.attributes.owners[path], nn.Module)
                    place = type(owner).__name__ if is_callback or not path else path
                    found[f"{place}.{name} ({type(value).__name__})"] = value_digest
        return found


class _Saved:
    """What a checkpoint holds anyway, wherever else it is mentioned."""

    def __init__(self, trainer: L.Trainer) -> None:
        module = trainer.lightning_module
        self._storages = {_storage(one) for one in (*module.parameters(), *module.buffers())}
        schedules = [config.scheduler for config in trainer.lr_scheduler_configs]
        registered = [part for part in module.modules() if isinstance(part, Metric)]
        callbacks = callbacks_of(trainer)
        datamodule = datamodule_of(trainer)
        self._objects = {
            id(one): one
            for one in (trainer, module, datamodule, *registered, *callbacks, *trainer.optimizers, *schedules)
        }

    def digest_of_others(self, value: Any) -> str:
        """Return a name for all that is in a value and no checkpoint holds; an empty one if there is nothing."""
        state, count = hashlib.blake2b(digest_size=8), 0
        for part in self._parts(value, dict(self._objects)):
            state.update(digest(part).encode())
            if (count := count + 1) == _MOST:
                break
        return state.hexdigest() if count else ""

    def _parts(self, value: Any, seen: dict[int, Any]) -> Iterator[Any]:
        if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
            yield value
        elif id(value) in seen:
            return
        else:
            seen[id(value)] = value  # which lives as long as its id is to be known
            yield from self._parts_of_object(value, seen)

    def _parts_of_object(self, value: Any, seen: dict[int, Any]) -> Iterator[Any]:
        inner: list[Any] = []
        if isinstance(value, Tensor):
            if _storage(value) not in self._storages:
                yield value
        elif isinstance(value, (np.ndarray, np.generic)):
            yield value
        elif isinstance(value, KINDS):
            yield get_state(value)
        elif isinstance(value, Metric):
            inner = list(value.metric_state.values())
        elif isinstance(value, nn.Module):
            inner = [*value.parameters(), *value.buffers()]
        elif isinstance(value, Optimizer):
            inner = [value.state_dict()]
        elif isinstance(value, dict):  # other mappings may read a file for each item
            inner = [item for pair in value.items() for item in pair]
        elif isinstance(value, (list, tuple, deque)):
            inner = list(value)
        elif isinstance(value, (set, frozenset)):
            inner = [len(value)]
        elif isinstance(value, SimpleNamespace) or not of_library(type(value)):
            names = [field.name for field in fields(value)] if is_dataclass(value) else []
            inner = [getattr(value, name) for name in names] or list(getattr(value, "__dict__", {}).values())
            inner = inner or [getattr(value, name, None) for name in _slots(type(value))]
        for item in inner:
            yield from self._parts(item, seen)


def _slots(kind: type) -> list[str]:
    of_kinds = [getattr(one, "__slots__", ()) for one in kind.__mro__]
    return [name for slots in of_kinds for name in ([slots] if isinstance(slots, str) else slots)]


def _storage(tensor: Tensor) -> Any:
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, ValueError, NotImplementedError):  # a lazy one, or one of a layout without
        return id(tensor)
