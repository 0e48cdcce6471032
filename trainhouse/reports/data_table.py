"""Shows on which data runs were trained, where they are on several."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import replace

from trainhouse.configuration.settings import DECIDES_ROWS, Serving, marked
from trainhouse.configuration.views import annotations
from trainhouse.machine.terminal import table_width
from trainhouse.reports.aligned_table import Column, fitted_table
from trainhouse.reports.finished_runs import Run
from trainhouse.reports.run_configs import Typed, configured, configured_alone, differing, means_line, typed_of
from trainhouse.reports.short_text import short_names, shown_value

_log = logging.getLogger(__name__)
_MOST = 20
_KEYS = 3  # that are shown, of those that differ
_SERVES = {*annotations(Serving), "processed"} - {*marked(DECIDES_ROWS, Serving)}
_WIDEST = 30  # of a value
_SAID = ("data.target", "data.file", "data.features", "data.split", "data.split_seed", "data.fold")


def print_data(runs: Sequence[Run]) -> None:
    """Show each data set and split, the one of the latest run first: what it is, and how many runs are on it."""
    groups: dict[str, list[Run]] = {}
    for run in sorted(runs, key=date_of, reverse=True):
        groups.setdefault(run.data_key, []).append(run)
    latest = [found[0] for found in groups.values()][:_MOST]
    targets = [typed_of(run).get("data.target", "") for run in latest]
    columns = [
        Column("data", [run.data for run in latest]),
        *_settings(latest),
        *([Column("target", targets)] if any(targets) else []),
        Column("fingerprint/split/seed", [run.data_key for run in latest]),
        Column("runs", [len(groups[run.data_key]) for run in latest], rank=1),
        Column("latest", [date_of(run) for run in latest], rank=2),
        Column("run", [run.folder for run in latest], rank=3),
    ]
    text, _ = fitted_table(columns, table_width())
    more = f"\n... and {len(groups) - _MOST} more" if len(groups) > _MOST else ""
    every = configured(runs, any_split=True)
    if len(every) == 1 and (metric := runs[0].monitor) is not None:  # as in a sweep over data.split_seed
        more += f"\n{means_line(every[0], metric)}, each on rows of its own"
    _log.info("%s%s\n", text, more, extra={"lines": True})


def _settings(runs: Sequence[Run]) -> list[Column]:
    """Return a column for each key of the data in which runs differ, but for what other columns say."""
    keys = keys_of_rows(runs, but=_SAID) or []
    typed = [typed_of(run) for run in runs]
    names = short_names(keys)
    return [
        Column(names[key], [shown_value(one.get(key, ""), _WIDEST) for one in typed], rank=1.5 + place / 100)
        for place, key in enumerate(keys[:_KEYS])
    ]


def keys_of_rows(runs: Sequence[Run], but: Collection[str] = ()) -> list[str] | None:
    """Return the keys of data that differ between runs, without those that only say how rows are served.

    `but` are keys that don't count. None if the configuration of a run can't be read.
    """
    rows = [replace(one, typed=_of_rows(one.typed, but)) for one in configured_alone(runs) if one.typed is not None]
    return differing(rows) if len(rows) == len(runs) else None


def _of_rows(typed: Typed, but: Collection[str]) -> Typed:
    parts = {key: key.split(".") for key in typed if key not in but}
    return {key: typed[key] for key, names in parts.items() if names[0] == "data" and not {*names[1:2]} & _SERVES}


def date_of(run: Run) -> str:
    """Return when a run was begun, to the minute."""
    return str(run.provenance["date"])[:16].replace("T", " ")
