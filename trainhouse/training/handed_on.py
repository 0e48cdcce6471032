"""Checks what a strategy or profiler of Lightning's hands on to PyTorch, which looks at it late, or never."""

import inspect
from collections.abc import Callable
from typing import Any

from lightning.pytorch.profilers import PyTorchProfiler
from lightning.pytorch.strategies import DDPStrategy
from torch.nn.parallel import DistributedDataParallel
from torch.profiler import profile

from trainhouse.configuration.check_arguments import parameters_of
from trainhouse.configuration.errors import UserError, did_you_mean
from trainhouse.configuration.views import Part

# Which constructor hands on to what.
_TO: dict[type, Callable[..., Any]] = {
    DDPStrategy: DistributedDataParallel,
    PyTorchProfiler: profile,
}
_SET_BY_LIGHTNING = {"module", "device_ids", "self"}


def check_handed_on(found: Any, part: Part, key: str) -> None:
    """Raise `UserError` naming the first argument that neither the class `found` nor what it hands on to takes.

    A subclass with a constructor of its own may do with further arguments what it likes.
    """
    handed = next((to for kind, to in _TO.items() if _constructs_as(found, kind)), None)
    if handed is None:
        return
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    own = [name for name, one in parameters_of(found).items() if one.kind not in kinds]
    options = [*own, *(name for name in parameters_of(handed) if name not in _SET_BY_LIGHTNING)]
    for name in part.plain:
        if name not in options and not (name.startswith("_") and name.endswith("_")):
            raise UserError(f"{key}.{name}: {part.target} takes no such argument{did_you_mean(name, options)}")
        default = getattr(parameters_of(handed).get(name), "default", None)
        if isinstance(default, bool) and not isinstance(part.get(name), bool):
            raise UserError(f"{key}.{name}: expected true or false, got {part.get(name)!r}")


def _constructs_as(found: Any, kind: type) -> bool:
    return inspect.isclass(found) and issubclass(found, kind) and found.__init__ is kind.__init__  # type: ignore[misc]
