"""What a sweep's command line asks for: the jobs of a grid, or the space that a search draws from.

Both are written in Hydra's own grammar: ``1,2,3``, ``range(1,4)``, ``choice(a,b)``, ``interval(0,1)``,
``tag(log,interval(1e-4,1e-1))``, ``int(interval(8,64))``, and lists of config groups.
"""

import math
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.types import Override, RangeSweep

from trainhouse.configuration.errors import UserError

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
    _refuse_too_many(math.prod(map(len, choices)))
    return [list(job) for job in product(*choices)]


def _refuse_too_many(count: float) -> None:
    if count > _MOST_JOBS:
        raise UserError(f"{count:,.0f} jobs are more than a sweep takes, which is {_MOST_JOBS:,}; give fewer values")


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
    """Return a key with each of its values. Raises `UserError` if there is none, or more than a sweep takes."""
    key, value = override.get_key_element(), override.value()
    if isinstance(value, RangeSweep):
        start, stop, step = (float(number or 0) for number in (value.start, value.stop, value.step))
        _refuse_too_many((stop - start) / step if step else 0)
    texts = [f"{key}={one}" for one in override.sweep_string_iterator()]
    if not texts:
        raise UserError(f"{key}: {_line(override).partition('=')[2]} holds no value; give at least one")
    return texts


def _distribution(override: Override) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    value: Any = override.value()
    if unknown := sorted(set(getattr(value, "tags", ())) - {"log"}):
        raise UserError(f"{override.key_or_group}: tag({unknown[0]},...) means nothing here; there is tag(log,...)")
    if "log" in getattr(value, "tags", ()) and not override.is_interval_sweep():
        raise UserError(f"{override.key_or_group}: tag(log,...) goes with an interval only")
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
    texts = [text.partition("=")[2] for text in _texts(override)]
    shuffled = getattr(value, "shuffle", False)  # another time, another order: to Optuna that is another space
    return CategoricalDistribution(sorted(texts) if shuffled else texts)
