"""Refuses weights that no network of this project has written, before they are copied into one."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from trainhouse.configuration.errors import UserError

_COMPILED = "_orig_mod."  # what `self.net = torch.compile(self.net)` puts into the names of weights


def check_weights(weights: Mapping[Any, Any], source: str) -> None:
    """Raise `UserError` for weights that are no dense numbers in memory, or not finite.

    A module may save what is no tensor, as Lightning's and torch's ``_extra_state`` is.
    """
    for name, value in weights.items():
        if not isinstance(name, str):
            raise UserError(f"{source}: its weights have a name that is no string: {name!r:.40}")
        if not isinstance(value, Tensor):
            if name.endswith("_extra_state"):
                continue
            raise UserError(f"{source}: {name} is a {type(value).__name__}, not a tensor")
        if value.layout is not torch.strided or value.is_nested or value.is_quantized or value.device.type != "cpu":
            kind = "quantized" if value.is_quantized else "nested" if value.is_nested else value.layout
            on = f" on {value.device}" if value.device.type != "cpu" else ""
            raise UserError(f"{source}: {name} is a {kind} tensor{on}, not one of dense numbers")
        if value.is_floating_point() and not _stored(value).isfinite().all():
            raise UserError(f"{source}: {name} holds values that are not finite: it is of a run that diverged")


def check_kinds(module: nn.Module, weights: Mapping[str, Any], source: str) -> None:
    """Raise `UserError` for a weight of another kind of number than in `module`: torch would convert it without a word.

    Another precision of the same kind is no mistake.
    """
    weights = named_as_in(module, weights)
    for name, own in module.state_dict().items():
        given = weights.get(name)
        if isinstance(own, Tensor) and isinstance(given, Tensor) and _kind(own) != _kind(given):
            raise UserError(f"{source}: {name} is {given.dtype}, the network's {own.dtype}")


def named_as_in(module: nn.Module, weights: Mapping[str, Any]) -> dict[str, Any]:
    """Return `weights` by the names that `module` has for them: it may compile its networks, in training alone."""
    own = {name.replace(_COMPILED, ""): name for name in module.state_dict()}
    return {own.get(name.replace(_COMPILED, ""), name): value for name, value in weights.items()}


def let_take_compiled(module: nn.Module) -> None:
    """Let `module` load weights that it has saved with its networks compiled, and the other way round."""

    def rename(module: nn.Module, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
        renamed = named_as_in(module, state_dict)
        state_dict.clear()
        state_dict.update(renamed)

    module.register_load_state_dict_pre_hook(rename)


def _kind(tensor: Tensor) -> str:
    if tensor.is_floating_point():
        return "float"
    return "complex" if tensor.is_complex() else "bool" if tensor.dtype is torch.bool else "int"


def _stored(value: Tensor) -> Tensor:
    """The numbers in memory of a tensor that repeats them to any size."""
    held = value.untyped_storage().nbytes() // value.element_size()
    return value if value.numel() <= held else value.as_strided((held,), (1,), 0)
