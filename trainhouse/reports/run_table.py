"""Shows ranked runs: by what they were ranked, how they were tested, and in what they differ."""

import logging
import math
from collections.abc import Sequence
from os.path import commonpath
from pathlib import Path

from trainhouse.configuration.printable import printable
from trainhouse.machine.terminal import table_width
from trainhouse.reports.aligned_table import Column, fitted_table, setting_columns
from trainhouse.reports.baseline import shared_baseline
from trainhouse.reports.data_table import date_of
from trainhouse.reports.estimates import numbers, spreads
from trainhouse.reports.likeness import REPEATS
from trainhouse.reports.ranking import Ranking
from trainhouse.reports.run_configs import Configured, configured, configured_alone, differing, means_line, tested
from trainhouse.runs.typed import shown_path

_log = logging.getLogger(__name__)
_MOST = 20  # rows on a terminal
_NONE = Configured([], None)


def print_ranking(ranking: Ranking) -> None:
    """Show the runs, best first; those that differ in seed, split or fold alone are one row, with their mean.

    A terminal gets what fits it, and what was left out is named; a pipe gets every row and column.
    """
    width = table_width()
    every = configured(ranking.runs)
    rows = every if len(every) > 1 else configured_alone(every[0].runs)  # which differ in their seeds or splits
    shown = rows if width is None else rows[:_MOST]
    columns, shared = _columns(shown, ranking, width)
    text, dropped = fitted_table(columns, width)
    notes = [f"... and {len(rows) - len(shown)} more"] if len(rows) > len(shown) else []
    if len(rows) > len(shown) or dropped:
        notes += [f"without, to fit {width} columns: {printable(', '.join(dropped))}"] if dropped else []
        notes.append("all of it: the same command with dry_run=true | less -S")
    if any(column.name == "n" for column in columns) and "n" not in dropped:
        notes.append("n > 1: runs that differ in seed or fold alone; test metrics are their means")
    if len(every) == 1 and len(rows) > 1:
        notes.append(means_line(every[0], ranking.metric))
    notes += _better_by_mean(every, ranking)
    if line := shared_baseline(run.baseline for run in ranking.runs):
        notes.append(line)
    _log.info("by %s (%s is better)", ranking.metric, "smaller" if ranking.mode == "min" else "larger")
    _log.info("%s\n\n%s\n%s", shared, text, "".join(f"{note}\n" for note in notes), extra={"lines": True})


def _columns(rows: Sequence[Configured], ranking: Ranking, width: int | None) -> tuple[list[Column], str]:
    """Return what tells the runs apart, and in a line what they have in common."""
    best = [row.runs[0] for row in rows]
    folders = [shown_path(run.folder) for run in best]
    common = commonpath(folders) if width is not None and len(set(folders)) > 1 else ""
    columns = [
        Column("", range(1, len(rows) + 1)),
        *_measured(rows, ranking, width),
        *_settings(rows),
        Column("run", [str(Path(one).relative_to(common)) for one in folders] if common else folders),
        Column("epoch", [f"{run.best_epoch:g}" for run in best], rank=6),
        Column("date", [date_of(run) for run in best], rank=7),
    ]
    said = {
        "data": {run.data for run in best},
        "target": {(row.typed or {}).get("data.target", "") for row in rows},
        "model": {run.model for run in best},
    }
    names = [column.name for column in columns]
    for name in ("model", "data"):
        if len(said[name]) > 1 and name not in names:
            columns.insert(-3, Column(name, [getattr(run, name) for run in best], rank=3))
    shared = [
        f"{name} {printable(value)}" for name, values in said.items() if len(values) == 1 and (value := values.pop())
    ]
    return columns, ", ".join([*shared, *([f"runs below {common}"] if common else [])])


def _measured(rows: Sequence[Configured], ranking: Ranking, width: int | None) -> list[Column]:
    """Return the best run's value, mean and deviation where there are repeats, and how they were tested."""
    values = [row.runs[0].metrics.get(ranking.metric, math.nan) for row in rows]
    columns = [Column(ranking.metric, numbers(values))]
    counts = [len(row.values(ranking.metric)) for row in rows]
    if max(counts) > 1:
        repeated = [row if count > 1 else _NONE for row, count in zip(rows, counts, strict=True)]
        columns.append(Column("mean ± deviation", spreads([row.estimate(ranking.metric) for row in repeated]), rank=1))
        columns.append(Column("n", counts, rank=1))
    for place, name in enumerate(tested(ranking.runs, ranking.metric)):
        found = [row.estimate(name) for row in rows]
        cells = spreads(found) if width is None else numbers([one.mean for one in found])
        columns.append(Column(name, cells, rank=5 if place else 3.9))
    return columns


def _settings(rows: Sequence[Configured]) -> list[Column]:
    """Return a column for each key in which the runs differ; what makes repeats only where there are none."""
    repeated = max(len(row.runs) for row in rows) > 1
    keys = [key for key in differing(rows) if not (repeated and key in REPEATS)]
    return setting_columns(keys, [row.typed or {} for row in rows], last=REPEATS)


def _better_by_mean(rows: Sequence[Configured], ranking: Ranking) -> list[str]:
    """Say which of several configurations with repeats has the best mean, if it isn't that of the best run."""
    means = {
        place: row.estimate(ranking.metric).mean
        for place, row in enumerate(rows, 1)
        if len(row.values(ranking.metric)) > 1
    }
    if len(means) < 2:
        return []
    best = (min if ranking.mode == "min" else max)(means, key=means.__getitem__)
    if best == 1:
        return []
    row = f"row {best}" if best <= _MOST else f"{rows[best - 1].runs[0].folder}"
    return [f"note: {row} has the best mean of several runs; a single run may be the best by luck"]
