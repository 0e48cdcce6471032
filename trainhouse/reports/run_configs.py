"""What finished runs were configured with: which keys tell them apart, and which of them repeat one another."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainhouse.configuration.bounded import MOST_YAML_BYTES, read_text, yaml_in
from trainhouse.configuration.not_learned import is_learned_from
from trainhouse.reports.estimates import Estimate, spreads
from trainhouse.reports.finished_runs import Run
from trainhouse.reports.likeness import REPEATS, is_loss
from trainhouse.reports.names import measure_of, split_of
from trainhouse.reports.short_text import typed_value
from trainhouse.runs.layout import CONFIG

Typed = dict[str, str]
"""Dotted keys and values as they are typed: ``{"optimizer.lr": "0.001", "optimizer": "Adam"}``."""

_BLOCK = re.compile(r"^(?=[^\s#-])", re.MULTILINE)  # a key of the top level, with all that is below it
_TESTED = 3  # metrics of the test split that are shown


@dataclass(frozen=True)
class Configured:
    """Runs of one configuration, best first."""

    runs: list[Run]
    typed: Typed | None
    """What the best was configured with; None if nobody can read it."""

    def values(self, metric: str) -> list[float]:
        """Return the finite values of a metric."""
        return [value for run in self.runs if math.isfinite(value := run.metrics.get(metric, math.nan))]

    def estimate(self, metric: str) -> Estimate:
        """Return the mean of a metric, and how sure it is."""
        return Estimate.of(self.values(metric))


def configured(runs: Sequence[Run], any_split: bool = False) -> list[Configured]:
    """Join runs that differ in `REPEATS` alone, in the order of the first of each.

    What was trained by other code is another configuration. A run that was made twice says nothing of the spread: it
    stays apart from the first one. Runs whose rows were split by another seed are repeats with `any_split`.
    """
    blocks: dict[str, Typed] = {}
    groups: dict[object, list[Run]] = {}
    first: dict[object, Typed | None] = {}
    times: Counter[object] = Counter()
    for run in runs:
        typed = _typed(run.folder / CONFIG, blocks)
        group: object = run.folder
        if typed is not None:
            rest = frozenset((key, value) for key, value in typed.items() if key not in REPEATS)
            cut = run.data_key.rpartition("/")[0] if any_split else run.data_key
            same = (rest, run.sources, cut, *map(typed.get, REPEATS))
            times[same] += 1
            group = (*same[:3], times[same])
        groups.setdefault(group, []).append(run)
        first.setdefault(group, typed)
    return [Configured(found, first[group]) for group, found in groups.items()]


def configured_alone(runs: Sequence[Run]) -> list[Configured]:
    """Return each run by itself."""
    return [one for run in runs for one in configured([run])]


def differing(rows: Sequence[Configured]) -> list[str]:
    """Return the keys whose values differ; not to have a key is a difference too.

    Of keys that always differ together the first is named, and not what only comes along with another class, as the
    momentum of one optimizer of two.
    """
    known = [row.typed for row in rows if row.typed is not None]
    seen: set[tuple[str | None, ...]] = set()
    found: list[str] = []
    for key in dict.fromkeys(key for one in known for key in one):
        values = tuple(one.get(key) for one in known)
        if len(set(values)) < 2 or values in seen:
            continue
        parents = {key.rsplit(".", depth)[0] for depth in range(1, key.count(".") + 1)}
        if parents.isdisjoint(found) or len({value for value in values if value is not None}) > 1:
            seen.add(values)
            found.append(key)
    return found


def typed_of(run: Run) -> Typed:
    """Return what one run was configured with; nothing if nobody can read it."""
    return _typed(run.folder / CONFIG, {}) or {}


def _typed(path: Path, blocks: dict[str, Typed]) -> Typed | None:
    """Read a configuration block by block: in thousands of runs most blocks are the same, and `blocks` has them."""
    if not path.is_file():
        return None
    try:
        found: Typed = {}
        for block in _BLOCK.split(read_text(path, MOST_YAML_BYTES)):
            if block not in blocks:
                blocks[block] = dict(_flat(yaml_in(block)))
            found |= blocks[block]
        return found
    except (OSError, ValueError):
        return None


def _flat(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield dotted keys with their values; ``optimizer: Adam`` for ``optimizer._target_: torch.optim.Adam``."""
    if not is_learned_from(key):
        return
    if isinstance(node, dict) and (node or not key):
        for name, inner in node.items():
            if name == "_target_":
                yield key, str(inner).rpartition(".")[2]
            elif not str(name).startswith("_"):
                yield from _flat(inner, f"{key}.{name}" if key else str(name))
    elif key:
        yield key, "none" if node == {} else typed_value(node)


def tested(runs: Sequence[Run], metric: str) -> list[str]:
    """Return the metrics of the test split that runs have: what they were ranked by first, other losses last."""
    names = dict.fromkeys(name for run in runs for name in run.metrics if split_of(name) == "test")
    names.pop(metric, None)
    same = measure_of(metric)
    return sorted(names, key=lambda name: (measure_of(name) != same, is_loss(name)))[:_TESTED]


def means_line(one: Configured, metric: str) -> str:
    """Return the means of a metric, and of those of the test split, in a line."""
    shown = {name: spreads([one.estimate(name)])[0] for name in [metric, *tested(one.runs, metric)]}
    texts = [f"{name} {text}" for name, text in shown.items() if text]
    return f"mean of these {len(one.runs)} runs: {', '.join(texts)}"
