"""What a sweep's command line asks for: the jobs of a grid, or the space that a search draws from.

Both are written in Hydra's own grammar: ``1,2,3``, ``range(1,4)``, ``choice(a,b)``, ``interval(0,1)``,
``tag(log,interval(1e-4,1e-1))``, ``int(interval(8,64))``, and lists of config groups.
"""

import math
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.types import Override, RangeSweep

from src.utils.errors import UserError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

_MOST_JOBS = 100_000  # some 20 KB each
_NOT_FOR_JOBS = ("launcher", "sweep.resume")


def of_jobs(overrides: Sequence[Override]) -> list[Override]:
    """Return what the jobs are to be told; of several overrides of one key the last."""
    latest = {override.get_key_element(): override for override in overrides}
    return [override for key, override in latest.items() if key.lstrip("+") not in _NOT_FOR_JOBS]


def grid(overrides: Sequence[Override]) -> list[list[str]]:
    """Return the overrides of every job, the last of the swept keys changing fastest.

    Raises `UserError` for an interval, of which there are no single values to try.
    """
    choices = []
    for override in of_jobs(overrides):
        if override.is_sweep_override() and not override.is_discrete_sweep():
            raise UserError(
                f"{override.key_or_group}: an interval has no end of values to try; search in it with sweep=optuna, "
                "or give the values"
            )
        choices.append(_texts(override) if override.is_sweep_override() else [_line(override)])
    count = math.prod(map(len, choices))
    if count > _MOST_JOBS:
        raise UserError(f"{count:,} jobs are more than a sweep takes, which is {_MOST_JOBS:,}; give fewer values")
    return [list(job) for job in product(*choices)]


def search_space(overrides: Sequence[Override]) -> tuple[dict[str, "BaseDistribution"], list[str]]:
    """Return what each swept key is drawn from, and the overrides that all trials share.

    Values of a choice are drawn as they are typed, so any that Hydra understands can be one.
    """
    space, fixed = {}, []
    for override in of_jobs(overrides):
        if override.is_sweep_override():
            space[override.get_key_element()] = _distribution(override)
        else:
            fixed.append(_line(override))
    return space, fixed


def _line(override: Override) -> str:
    assert override.input_line is not None
    return override.input_line


def _texts(override: Override) -> list[str]:
    key = override.get_key_element()
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


def _distribution(override: Override) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    value: Any = override.value()
    try:
        if override.is_interval_sweep():
            whole = isinstance(value.start, int) and isinstance(value.end, int)
            kind = IntDistribution if whole else FloatDistribution
            return kind(value.start, value.end, log="log" in value.tags)
        if isinstance(value, RangeSweep) and not value.shuffle and isinstance(numbers := value.range(), range):
            first, last = sorted((numbers[0], numbers[-1]))
            return IntDistribution(first, last, step=abs(numbers.step))
    except (ValueError, IndexError) as error:
        raise UserError(f"{override.key_or_group}: {_line(override).partition('=')[2]}: {error}") from error
    return CategoricalDistribution(list(override.sweep_string_iterator()))
