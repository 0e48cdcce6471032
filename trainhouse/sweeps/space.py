"""What a sweep's command line asks for: the jobs of a grid, or the space that a search draws from.

Both are written in Hydra's own grammar: ``1,2,3``, ``range(1,4)``, ``choice(a,b)``, ``interval(0,1)``,
``tag(log,interval(1e-4,1e-1))``, ``int(interval(8,64))``, and lists of config groups.
"""

import math
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, RangeSweep

from trainhouse.configuration import dotted
from trainhouse.configuration.errors import UserError
from trainhouse.machine.numbers import format_number
from trainhouse.reports.short_text import typed_value
from trainhouse.runs.typed import quoted
from trainhouse.sweeps.job import overlap

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

_MOST_JOBS = 100_000  # some 20 KB each
_NOT_FOR_JOBS = ("launcher", "sweep.resume")
_MOST_SHOWN = 6  # values of a choice


def of_jobs(overrides: Sequence[Override]) -> list[Override]:
    """Return the overrides of the jobs, in the order in which it was typed, as a single run takes it.

    Of several overrides of one key the last, but for mappings: they are merged into what is there, or is chosen.
    """
    kept: list[Override] = []
    for override in overrides:
        if override.key_or_group in _NOT_FOR_JOBS:
            continue
        if not _holds_mapping(override):
            kept = [earlier for earlier in kept if _holds_mapping(earlier) or not _gives_way(earlier, override)]
        kept.append(override)
    return kept


def _gives_way(earlier: Override, later: Override) -> bool:
    """Whether a single run would forget `earlier`, so that to vary it would vary nothing."""
    if earlier.is_delete() or later.is_delete() or later.is_add():
        return earlier.input_line == later.input_line
    is_same = (earlier.key_or_group, earlier.package) == (later.key_or_group, later.package)
    return is_same and (later.is_force_add() or not earlier.is_add())


def _holds_mapping(override: Override) -> bool:
    value: Any = override.value()
    return any(isinstance(one, dict) for one in getattr(value, "list", [value]))


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
    return [merged(job) for job in product(*choices)]


def merged(lines: Sequence[str]) -> list[str]:
    """Return the overrides of a job with one line for each key: of mappings for one key their sum.

    They stay apart where another override comes between that sets a part of them.
    """
    if len({line.partition("=")[0] for line in lines}) == len(lines):
        return list(lines)
    joined: list[tuple[str, Override, str]] = []
    for override, line in zip(OverridesParser.create().parse_overrides(list(lines)), lines, strict=True):
        key, value = override.get_key_element(), override.value()
        before = next((place for place, (other, *_) in enumerate(joined) if other == key), None)
        if before is not None and not any(overlap(key, other) for other, *_ in joined[before + 1 :]):
            both = joined[before][1].value()
            if isinstance(both, dict) and isinstance(value, dict):
                text = f"{key}={typed_value(dotted.merged(both, value), quoted)}"
                joined[before] = (key, OverridesParser.create().parse_override(text), text)
                continue
        joined.append((key, override, line))
    return [line for *_, line in joined]


def _refuse_too_many(count: float) -> None:
    if count > _MOST_JOBS:
        raise UserError(f"{count:,.0f} trials are more than a sweep takes, which is {_MOST_JOBS:,}; give fewer values")


def search_space(overrides: Sequence[Override]) -> tuple[dict[str, "BaseDistribution"], list[str]]:
    """Return what each swept key is drawn from, and what was typed in its order: overrides, and those keys.

    Values of a choice are drawn as they are typed, so any that Hydra understands can be one.
    """
    space: dict[str, BaseDistribution] = {}
    typed: list[str] = []
    for override in of_jobs(overrides):
        key = override.get_key_element()
        if override.is_sweep_override():
            space[key] = _distribution(override)
        typed.append(key if key in space else _line(override))
    return space, typed


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
    """What Optuna draws a swept key from; numbers stay numbers, so that it can learn from their order."""
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


def shown_space(space: "dict[str, BaseDistribution]", command: str) -> str:
    """Return each key with its values or its interval; and which of them are not in the `command` that was typed."""
    words = [f"{key} {_range(one)}" for key, one in space.items()]
    added = [key for key in space if f"{key}=" not in command]
    if not words:
        return ""
    more = f"; not typed, but in conf/: {', '.join(added)} (hydra.sweeper.params=null leaves them out)" if added else ""
    return f"{', '.join(words)}{more}"


def _range(drawn: Any) -> str:
    if hasattr(drawn, "choices"):
        shown = [str(one) for one in drawn.choices[:_MOST_SHOWN]]
        return "|".join(shown) + ("|..." if len(drawn.choices) > _MOST_SHOWN else "")
    low, high = (f"{one:g}" if isinstance(one, float) else format_number(one) for one in (drawn.low, drawn.high))
    return f"{low} to {high}{' (log)' if drawn.log else ''}"
