"""Which weights an optimizer treats alike."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from trainhouse import UserError


def optimizer_of(
    make: Callable[..., Optimizer],
    weights: Sequence[tuple[str, nn.Parameter]],
    patterns: Mapping[str, Mapping[str, Any]],
    accumulates: bool,
) -> Optimizer:
    """Make an optimizer of the named weights. Raises `UserError` for what it can't do."""
    if not takes_no_groups(make):
        try:
            return make(in_groups(weights, patterns))
        except (ValueError, TypeError) as error:
            raise UserError(f"optimizer: {error}") from error
    if accumulates:
        raise UserError("trainer.accumulate_grad_batches: LBFGS asks again for the last batch alone; set it to 1")
    if patterns:
        raise UserError("optimizer.groups: LBFGS takes all weights alike; leave it out")
    return make([weight for _, weight in weights])


def in_groups(weights: Iterable[tuple[str, nn.Parameter]], patterns: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """Return the named weights as an optimizer's groups; those whose name matches a pattern get its arguments.

    A name is that within the network, and of several patterns the first counts. Weight decay pulls matrices to zero;
    for biases and normalisation it does harm, so they get none unless a pattern says so.
    """
    matching: dict[str, list[nn.Parameter]] = {pattern: [] for pattern in ("", *patterns)}
    for name, weight in weights:
        known = (pattern for pattern in patterns if fnmatchcase(name.removeprefix("network."), pattern))
        matching[next(known, "")].append(weight)
    groups: list[dict[str, Any]] = []
    for pattern, found in matching.items():
        arguments = patterns.get(pattern, {})
        matrices = [weight for weight in found if weight.ndim > 1]
        others = [weight for weight in found if weight.ndim <= 1]
        groups += [{"params": matrices, **arguments}] if matrices else []
        groups += [{"params": others, "weight_decay": 0.0, **arguments}] if others else []
    return groups


def takes_no_groups(make_optimizer: Any) -> bool:
    """Whether an optimizer, or what makes it, takes weights as they are: LBFGS does."""
    made = getattr(make_optimizer, "func", make_optimizer)
    return isinstance(made, type) and issubclass(made, torch.optim.LBFGS)
