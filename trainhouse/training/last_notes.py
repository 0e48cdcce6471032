"""What the last lines of a training say besides the best model's metrics, where those alone would mislead."""

from collections.abc import Mapping, Sequence

from trainhouse.arrays.column_summary import leak_line
from trainhouse.arrays.datamodule import DataModule
from trainhouse.machine.numbers import format_number
from trainhouse.reports.names import COLUMNS, split_of
from trainhouse.training.build_run import BuiltRun


def last_notes(built: BuiltRun, rows: Sequence[Mapping[str, float]]) -> tuple[str, ...]:
    """Return the lines: how well a model overfits that is to, from the `rows` of all epochs; what may be a leak."""
    batches = built.settings.trainer.overfit_batches
    overfit = overfit_line(rows, batches) if batches else None
    leak = leak_line(built.card.columns, built.datamodule) if isinstance(built.datamodule, DataModule) else None
    return tuple(line for line in (overfit, leak) if line)


def overfit_line(rows: Sequence[Mapping[str, float]], batches: float) -> str | None:
    """Return from where to where each value of the training rows went; None if none was logged."""
    names = [name for name in (rows[-1] if rows else ()) if split_of(name) == "train" and name not in COLUMNS]
    if not names:
        return None
    names.sort(key=lambda name: "loss" not in name)
    first = {name: next(row[name] for row in rows if name in row) for name in names}
    went = [f"{name} {format_number(first[name])} -> {format_number(rows[-1][name])}" for name in names]
    share = f"{batches} batches" if isinstance(batches, int) else f"{batches:g} of the batches"
    return f"overfitting {share} for {len(rows)} epochs: {', '.join(went)}"
