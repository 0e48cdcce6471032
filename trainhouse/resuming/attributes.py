"""What a module keeps in plain attributes while it trains: outputs of an epoch, a temperature, a best value.

Lightning saves none of it. Attributes that have changed since training started are saved and set again; what the
constructor, or the start of training, has set stays as it is, since that may follow from the command line.
"""

from collections import deque
from collections.abc import Iterator
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
    """The plain attributes of a module and its submodules: as they are when training starts, what becomes of them."""

    def __init__(self, module: L.LightningModule) -> None:
        self.module = module
        self._at_start = {(path, name): digest(value, whole=True) for path, name, value in _attributes(module)}

    def changed(self) -> Saved:
        """Return copies of those that are no longer what they were, by submodule and name."""
        saved: Saved = {}
        for path, name, value in _attributes(self.module):
            if self._at_start.get((path, name)) != digest(value, whole=True):
                saved.setdefault(path, {})[name] = _copied(value)
        return saved

    def restore(self, saved: Saved) -> None:
        """Set what `changed` has returned; of submodules that are no longer there nothing."""
        parts = dict(self.module.named_modules())
        for path, values in saved.items():
            for name, value in values.items() if path in parts else ():
                _set(parts[path], name, value, self.module)


_INTERNAL = {*vars(nn.Module()), *vars(L.LightningModule()), "_hparams", "_hparams_initial", "_hparams_name"}


def _attributes(module: L.LightningModule) -> Iterator[tuple[str, str, Any]]:
    """Yield what can be saved: of a generator its state, of a deque, an array or a kind of dict what is in it."""
    weights = {id(weight) for weight in (*module.parameters(), *module.buffers())}
    for path, part in module.named_modules():
        if isinstance(part, Metric):  # whose states are saved as such
            continue
        for name in sorted(part._non_persistent_buffers_set):
            if (buffer := part._buffers.get(name)) is not None:
                yield path, name, buffer
        for name, value in vars(part).items():
            if name in _INTERNAL:
                continue
            plain = _as_plain(value)
            if is_plain(plain) and not _holds(plain, weights):
                yield path, name, plain


def _as_plain(value: Any) -> Any:
    if isinstance(value, KINDS):
        return get_state(value)
    if isinstance(value, deque):
        return list(value)
    if isinstance(value, dict):
        return dict(value)
    return torch.from_numpy(value) if isinstance(value, np.ndarray) and value.dtype.kind in "fiub" else value


def _set(part: nn.Module, name: str, value: Any, module: L.LightningModule) -> None:
    """Set an attribute; what has a kind of its own keeps it."""
    present = getattr(part, name, None)
    if isinstance(present, KINDS):
        set_state(present, value)
        return
    value = _moved(value, module)
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


def _copied(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return type(value)(map(_copied, value)) if type(value) in (list, tuple, set) else value


def _moved(value: Any, module: L.LightningModule) -> Any:
    if isinstance(value, Tensor):
        return value.to(module.device)
    if isinstance(value, dict):
        return {key: _moved(item, module) for key, item in value.items()}
    return type(value)(_moved(item, module) for item in value) if type(value) in (list, tuple, set) else value
