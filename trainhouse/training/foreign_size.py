"""Looks at how large the module is that somebody else's file describes, before memory and time are spent on it.

On torch's device ``meta`` it is built without memory; its parts are counted while it is.
"""

from collections.abc import Callable, Mapping
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.nn.modules import module as registering
from torch.nn.parameter import is_lazy

from trainhouse.configuration.errors import UserError
from trainhouse.resuming.seeding import random_states_kept

# So many parts and numbers take no time worth speaking of, whatever the file holds.
_SMALL_PARTS, _SMALL_NUMBERS = 5_000, 50_000_000
# A constructor may make parts that it does not keep, and parts without weights.
_PARTS_A_WEIGHT = 50


class _TooLargeError(BaseException):
    """Not to be caught by a constructor that tries something."""


def check_size(weights: Mapping[str, Any], build: Callable[[], L.LightningModule], source: str) -> None:
    """Raise `UserError` if what `build` returns is of a size that `weights` can't fill, and too large to try it.

    What can't be built without memory, as some constructors of users' own can't, is left to be built in earnest. Draws
    of torch, numpy and Python go on as if nothing had been built.
    """
    most = _SMALL_PARTS + _PARTS_A_WEIGHT * len(weights)
    try:
        with random_states_kept(devices=[]), _Counted(most), torch.device("meta"):
            module = build()
            needed = _numbers(module.state_dict())
    except _TooLargeError:
        raise UserError(
            f"{source}: its config describes a network of over {most:,} parts, but it holds {len(weights):,} weights"
        ) from None
    except Exception:  # building it in earnest says what is wrong
        return
    held = _numbers(weights)
    if module.strict_loading and needed > _SMALL_NUMBERS + held:
        raise UserError(f"{source}: its config describes a network of {needed:,} numbers, but its weights are {held:,}")


def _numbers(weights: Mapping[str, Any]) -> int:
    return sum(value.numel() for value in weights.values() if isinstance(value, Tensor) and not is_lazy(value))


class _Counted:
    """Ends a constructor, in this process as a whole, that registers more than so many modules and parameters."""

    def __init__(self, most: int) -> None:
        self.left = most

    def __enter__(self) -> None:
        self.handles = [
            registering.register_module_parameter_registration_hook(self._count),
            registering.register_module_module_registration_hook(self._count),
        ]

    def __exit__(self, *_: object) -> None:
        for handle in self.handles:
            handle.remove()

    def _count(self, *_: object) -> None:
        self.left -= 1
        if self.left < 0:
            raise _TooLargeError
