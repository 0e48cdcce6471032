"""Takes out of Lightning's training step what need not be in it; what it does stays the same.

Lightning calls each of six hooks of every callback at every step, overridden or not, and opens a profiler's context
around each call: with ten callbacks a fifth of the time of a small model's step under a Python profiler. Both
are avoided by what Lightning itself offers: it passes over a hook that is not callable, and takes any `Profiler`.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any

import lightning as L
import torch
from lightning.pytorch.profilers import Profiler
from torchmetrics import Metric

_NOTHING: AbstractContextManager[Any] = nullcontext()
_STEP_HOOKS = [
    name for name in dir(L.Callback) if "batch" in name or name.startswith("on_before_") or "backward" in name
]


class NoProfiler(Profiler):
    """Measures nothing, at no cost."""

    def start(self, action_name: str) -> None:
        """Do nothing."""

    def stop(self, action_name: str) -> None:
        """Do nothing."""

    def profile(self, action_name: str) -> AbstractContextManager[Any]:  # type: ignore[override]
        """Return a context that does nothing; it is always the same one."""
        return _NOTHING


class LeanMetric(Metric):
    """A metric on which torchmetrics notes an update at a quarter of the cost, and rewords no error of it."""

    def _wrap_update(self, update: Callable[..., Any]) -> Callable[..., None]:
        @wraps(update)
        def counted(*args: Any, **kwargs: Any) -> None:
            self.__dict__["_computed"] = None  # neither is a weight, as `nn.Module` would ask
            self.__dict__["_update_count"] += 1
            with torch.set_grad_enabled(self._enable_grad):
                update(*args, **kwargs)

        return counted


def skip_unused_hooks(callbacks: Iterable[L.Callback]) -> None:
    """Let Lightning pass over the hooks of each step that a callback of its own or of this project does not override.

    Callbacks of others are left as they are: who has written them may call or replace any hook.
    """
    for callback in callbacks:
        if not type(callback).__module__.startswith(("lightning.", "trainhouse.")):
            continue
        for name in _STEP_HOOKS:
            overridden = name in vars(callback) or getattr(type(callback), name) is not getattr(L.Callback, name)
            if not overridden:
                setattr(callback, name, None)
