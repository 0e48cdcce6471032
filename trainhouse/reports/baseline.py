"""The baseline that a run's record has, as a line: the metrics of a constant prediction."""

from collections.abc import Iterable, Mapping
from typing import Any

from trainhouse.configuration.printable import printable
from trainhouse.machine.numbers import format_number
from trainhouse.reports.short_text import clipped

_MOST = 4  # metrics: of more targets the first


def baseline_line(content: Any) -> str | None:
    """Return what a record says of its baseline as a line; None if it says nothing, or not what a run writes."""
    if not isinstance(content, Mapping) or not isinstance(metrics := content.get("metrics"), Mapping):
        return None
    numbers = {name: value for name, value in metrics.items() if isinstance(value, (int, float))}
    if not numbers:
        return None
    said = [f"{name} {format_number(value)}" for name, value in [*numbers.items()][:_MOST]]
    more = f", and {len(numbers) - _MOST} more" if len(numbers) > _MOST else ""
    return printable(f"baseline, always {clipped(str(content.get('always')), 20)}: {', '.join(said)}{more}")


def shared_baseline(contents: Iterable[Any]) -> str | None:
    """Return the line of a baseline that all records have; None where they differ, as those of other rows do."""
    lines = {baseline_line(content) for content in contents}
    return lines.pop() if len(lines) == 1 else None
