"""Keys below what a sweep varies: whether they are keys is known when a job is composed, and not before.

Hydra composes what all jobs share first, without the values that vary: of ``scheduler=cosine,one_cycle
scheduler.warmup=0.1`` it would look for `warmup` in the scheduler of the defaults. It passes over whatever varies, and
so over a choice of one.
"""

import re
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

# A file of these groups may choose for all others.
_CHOOSE_FOR_OTHERS = ("experiment", "debug")
# Of what is composed first, the sweep itself reads these.
_OF_THE_SWEEP = ("sweep", "launcher", "hydra")

_typed: dict[str, str] = {}  # what was typed in place of what Hydra is given


def left_to_the_jobs(arguments: Sequence[str]) -> list[str]:
    """Return the command line `arguments` so that keys below what varies are left to the jobs, in any order of them."""
    if not {"-m", "--multirun"} & {*arguments}:
        return list(arguments)
    overrides = {argument: parsed for argument in arguments if (parsed := _parsed(argument)) is not None}
    varied = {one.key_or_group for one in overrides.values() if one.is_sweep_override()}
    return [
        _hidden(argument) if argument in overrides and _is_below(overrides[argument], varied) else argument
        for argument in arguments
    ]


def varies(argument: str) -> bool:
    """Whether an argument gives several values to a key."""
    override = _parsed(argument)
    return override is not None and override.is_sweep_override()


def unhidden(arguments: Sequence[str]) -> list[str]:
    """Return arguments as they were typed."""
    return [_typed.get(argument, argument) for argument in arguments]


def _parsed(argument: str) -> Override | None:
    if argument.startswith("-") or not re.match(r"[\w+~@./]+(=|$)", argument):
        return None
    try:
        return OverridesParser.create().parse_override(argument)
    except HydraException:  # which Hydra says, in its place
        return None


def _is_below(override: Override, varied: set[str]) -> bool:
    key = override.key_or_group
    if override.is_sweep_override() or override.is_delete() or override.package is not None:
        return False
    first, dot, _ = key.partition(".")
    if any(key.startswith(f"{above}.") or (key == above and isinstance(override.value(), dict)) for above in varied):
        return True
    return bool(dot) and first not in _OF_THE_SWEEP and bool(varied & {*_CHOOSE_FOR_OTHERS})


def _hidden(argument: str) -> str:
    key, _, value = argument.partition("=")
    if not value:
        return argument
    hidden = f"{key}=choice({value})"
    _typed[hidden] = argument
    return hidden
