"""`torch.compile` for networks, in place: their weights, the names of them and their checkpoints stay as they are.

Of a user's LightningModule the networks are compiled that are its members, each by itself. Its steps are not: they log,
and those of manual optimization step, which breaks a graph into pieces.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import nn
from torch.nn.parameter import is_lazy
from torchmetrics import Metric, MetricCollection

from trainhouse.configuration.errors import UserError, did_you_mean

_COMPILERS = ("g++", "clang++", "c++", "cl")
_MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")
# Some backends look for mistakes in a network, and need no compiler.
_WITHOUT_COMPILER = ("eager", "aot_eager", "aot_eager_decomp_partition")


def options_of(asked: bool | dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of `torch.compile`. Raises `UserError` for a value that it refuses late, or never."""
    options = dict(asked) if isinstance(asked, dict) else {}
    known: dict[str, Callable[[], Sequence[str]]] = {"mode": lambda: _MODES, "backend": _backends}
    for name, values in known.items():
        value = options.get(name)
        if value is not None and value not in (there := values()):
            raise UserError(
                f"compile.{name}: expected one of {', '.join(there)}, got {value!r}{did_you_mean(str(value), there)}"
            )
    if not isinstance(options.get("dynamic"), bool | None):
        raise UserError(f"compile.dynamic: expected true, false or null, got {options['dynamic']!r}")
    if not isinstance(options.get("fullgraph", False), bool):
        raise UserError(f"compile.fullgraph: expected true or false, got {options['fullgraph']!r}")
    if options.get("mode") is not None and options.get("backend") not in (None, "inductor"):
        raise UserError(f"compile.mode: backend {options['backend']} has no modes; leave it out")
    return options


def _backends() -> list[str]:
    """Return the names of those for use, then of those for finding faults; asking takes seconds."""
    return [*torch.compiler.list_backends(), *_WITHOUT_COMPILER]


def check_compiler(asked: bool | dict[str, Any], device: torch.device) -> None:
    """Raise `UserError` if nothing can be compiled for `device`: before anything is trained."""
    if options_of(asked).get("backend") in _WITHOUT_COMPILER:
        return
    named = os.environ.get("CXX")
    if device.type == "cpu" and not any(map(shutil.which, [named] if named else _COMPILERS)):
        wanted = f"CXX names {named}, which is not there" if named else f"none of {', '.join(_COMPILERS)} is there"
        raise UserError(f"compile: the CPU needs a C++ compiler, and {wanted}; install one, or set compile=false")


class CompileNetworks(L.Callback):
    """Has a module call its networks compiled. The compiling itself is at the first batch of each size."""

    def __init__(self, asked: bool | dict[str, Any], is_own: bool) -> None:
        """The module `is_own`: the user's."""
        self.options, self.is_own = options_of(asked), is_own

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Do it when all layers are there, those of `configure_model` too."""
        for network in networks_in(pl_module) if self.is_own else [pl_module.network]:
            compile_in_place(network, self.options)


def compile_in_place(network: Any, options: dict[str, Any]) -> None:
    """Have a network call itself compiled.

    torch looks into no function of its own library from outside of it, so that an `nn.Sequential` would be called as
    before, in silence. Such a network gets a class with a `forward` that stands here.
    """
    kind: Any = type(network)
    if kind.__module__.startswith("torch."):

        def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
            return kind.forward(self, *args, **kwargs)

        network.__class__ = type(kind.__name__, (kind,), {"forward": forward, "__module__": kind.__module__})
    network.compile(**options)


def check_networks(module: L.LightningModule) -> None:
    """Raise `UserError` for a LightningModule in which nothing would be compiled."""
    if not [*networks_in(module)] and not is_overridden("configure_model", module):
        raise UserError(
            f"compile: {type(module).__name__} has no network as a member, and no forward, so nothing can be compiled; "
            "set compile=false"
        )


def networks_in(module: L.LightningModule) -> Iterator[nn.Module]:
    """Yield what of a LightningModule is compiled: members with weights; all of it, if weights lie beside them."""
    if any(True for _ in module.parameters(recurse=False)) and is_overridden("forward", module):
        yield module
        return
    yield from _networks(module)


def _networks(parent: nn.Module) -> Iterator[nn.Module]:
    for member in parent.children():
        weights = [*member.parameters()]
        if isinstance(member, (Metric, MetricCollection)) or not weights or any(map(is_lazy, weights)):
            continue
        if type(member) in (nn.ModuleList, nn.ModuleDict):  # which nobody calls
            yield from _networks(member)
        else:
            yield member
