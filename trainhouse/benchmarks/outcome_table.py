"""What comes out: the table on the terminal and the JSON file."""

import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from trainhouse.benchmarks.measuring import Row, Samples
from trainhouse.machine.files import write_json
from trainhouse.reports import aligned_table

RATIO = "ratio"
HEADER = ("row", "ours", "yardstick", RATIO, "range", "")
CAPTION = "A ratio above 1 is in our favour; its range is that of the repeats. What the rows are: --json or --explain."


@dataclass(frozen=True)
class Outcome:
    """A row that was measured, or the reason why it was not."""

    row: Row
    samples: Samples | None
    problem: str = ""
    seconds: float = 0.0
    """How long measuring took."""


def table(outcomes: list[Outcome]) -> str:
    """Return the rows as aligned text."""
    names, *numbers, notes = zip(HEADER, *map(_cells, outcomes), strict=True)
    header, *rows = zip(names, *map(aligned_table.aligned, numbers), notes, strict=True)
    return f"{aligned_table.table(header, rows)}\n\n{CAPTION}"


def _cells(outcome: Outcome) -> tuple[str, ...]:
    row, samples = outcome.row, outcome.samples
    if samples is None:
        return row.name, "-", "-", "-", "-", outcome.problem
    low, high = samples.ratio_range(row.higher_is_better)
    return (
        row.name,
        f"{shown(median(samples.ours))} {row.unit}",
        f"{shown(median(samples.yardstick))} {row.unit}",
        shown(samples.ratio(row.higher_is_better)),
        f"{shown(low)}-{shown(high)}",
        row.ratio_of + (f"; {samples.note}" if samples.note else ""),
    )


def shown(value: float) -> str:
    """Return three digits of a number, more only before the point."""
    digits = next(
        (digits for digits, least in ((0, 100), (1, 10), (2, 1), (3, 0.1), (4, 0.01)) if abs(value) >= least), 0
    )
    return f"{value:,.{digits}f}" if digits or abs(value) >= 100 or value == 0 else f"{value:.3g}"


def machine() -> dict[str, Any]:
    """Return what the numbers depend on besides the code."""
    import torch

    device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "cpus": os.cpu_count(),
        "device": device.type,
        "platform": platform.platform(),
    }


def write_results(path: Path, outcomes: list[Outcome], facts: dict[str, Any]) -> None:
    """Write everything that was measured, every repeat of it."""
    write_json(path, {**facts, "rows": [_plain(outcome) for outcome in outcomes]})


def _plain(outcome: Outcome) -> dict[str, Any]:
    row, samples = outcome.row, outcome.samples
    content: dict[str, Any] = {"name": row.name, "what": row.what}
    if samples is None:
        return content | {"problem": outcome.problem}
    return content | {
        "unit": row.unit,
        "ours": median(samples.ours),
        "yardstick": median(samples.yardstick),
        RATIO: samples.ratio(row.higher_is_better),
        "ratio_of": row.ratio_of,
        "ratio_range": samples.ratio_range(row.higher_is_better),
        "note": samples.note,
        "repeats": {name: values for name, values in asdict(samples).items() if name != "note"},
        "measured_in_seconds": round(outcome.seconds, 1),
    }
