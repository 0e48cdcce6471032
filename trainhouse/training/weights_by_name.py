"""Weights chosen by their names, ``*`` for any characters: some keep their values, some have a rate of their own."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

import lightning as L

from trainhouse.configuration.check_arguments import check_arguments
from trainhouse.configuration.create import located
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import TorchOptimizer, check_values
from trainhouse.configuration.views import Part

GROUPS = "groups"
_AROUND = "network."  # where the module around a plain network has it
_MOST_NAMED = 5


def freeze(module: L.LightningModule, patterns: list[str], is_own: bool) -> None:
    """Let the weights whose names match keep their values.

    Names are those within the network that a module is put around, unless the module `is_own`, the user's. Raises
    `UserError` if no name matches, or if all do.
    """
    weights = {name if is_own else name.removeprefix(_AROUND): one for name, one in module.named_parameters()}
    for pattern in patterns:
        _refuse_unmatched("freeze", pattern, list(weights))
    for name, weight in weights.items():
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            weight.requires_grad_(False)
    if patterns and not any(weight.requires_grad for weight in module.parameters()):
        raise UserError(f"freeze: {', '.join(patterns)} leave nothing to be trained")


def without_groups(optimizer: Part) -> Part:
    """Return what the optimizer itself takes."""
    return Part({name: value for name, value in optimizer.plain.items() if name != GROUPS})


def checked_groups(optimizer: Part) -> dict[str, dict[str, Any]]:
    """Return the key `groups` of an optimizer: patterns of names, each with arguments in place of the optimizer's own.

    Raises `UserError` for arguments that the optimizer doesn't take.
    """
    groups = optimizer.get(GROUPS) or {}
    if not isinstance(groups, dict) or not all(isinstance(one, dict) for one in groups.values()):
        raise UserError(f"optimizer.{GROUPS}: expected a mapping such as {{layers.1.*: {{lr: 1e-4}}}}, got {groups!r}")
    for pattern, arguments in groups.items():
        key = f"optimizer.{GROUPS}.{pattern}"
        if not arguments:
            raise UserError(f"{key}: expected arguments such as {{lr: 1e-4}}")
        check_arguments(
            located(optimizer, "optimizer"), Part({"_target_": optimizer.target, **arguments}), key, ["params"], False
        )
        check_values({"_target_": optimizer.target, **arguments}, TorchOptimizer, f"{key}.")
    return groups


def refuse_unmatched_groups(module: L.LightningModule, groups: Iterable[str]) -> None:
    """Raise `UserError` for a pattern that is left with no weight: none has such a name, or all are frozen or taken."""
    patterns, key = list(groups), f"optimizer.{GROUPS}"
    weights = {name.removeprefix(_AROUND): weight for name, weight in module.named_parameters()}
    trained = [name for name, weight in weights.items() if weight.requires_grad]
    taken = {next((one for one in patterns if fnmatchcase(name, one)), None) for name in trained}
    for pattern in patterns:
        _refuse_unmatched(key, pattern, list(weights))
        if pattern not in taken:
            why = "they are frozen, or a pattern before it has them"
            raise UserError(f"{key}: {pattern} is left with no weight: {why}")


def _refuse_unmatched(key: str, pattern: str, names: list[str]) -> None:
    if not any(fnmatchcase(name, pattern) for name in names):
        more = f", and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        there = f"there are {', '.join(names[:_MOST_NAMED])}{more}; * stands for any characters"
        raise UserError(f"{key}: no weight is named {pattern} ({there})")
