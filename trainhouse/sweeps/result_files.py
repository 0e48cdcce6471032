"""What a sweep found, as files: every job in `results.csv` and `results.parquet`, the best in `best.yaml`."""

import csv
import io
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from trainhouse.machine.files import atomic_write, write_text
from trainhouse.machine.numbers import number
from trainhouse.reports.estimates import Estimate
from trainhouse.runs.best_of_sweep import BEST
from trainhouse.sweeps.job import Job, Objective, override_keys, override_of
from trainhouse.sweeps.repeats import Configuration, configurations, pareto, why_none_is_best

RESULTS, RESULTS_PARQUET = "results.csv", "results.parquet"

_PARETO_NOTE = """\
# The sweep has several objectives: this is the best by the first of them. Below `pareto` stand all that no
# other one beats in an objective without losing in another.
"""


def write_results(folder: Path, jobs: Sequence[Job], objectives: Sequence[Objective]) -> None:
    """Write `results.csv`, `results.parquet` and `best.yaml` into `folder`, each of them atomically.

    Where no job is complete with finite objectives, or where they can't be ranked, there is no best: an old `best.yaml`
    is removed.
    """
    columns = _columns(jobs, objectives)
    _write_csv(folder / RESULTS, columns)
    _write_parquet(folder / RESULTS_PARQUET, columns)
    ranked = configurations(jobs, objectives)
    if ranked and not why_none_is_best(jobs, objectives):
        write_text(folder / BEST, _best(ranked, objectives))
    else:
        (folder / BEST).unlink(missing_ok=True)


def _columns(jobs: Sequence[Job], objectives: Sequence[Objective]) -> dict[str, list[Any]]:
    """One list of values per column, in the order of the files; None where a job has no value."""
    objective_metrics = [objective.metric for objective in objectives]
    metrics = list(dict.fromkeys([*objective_metrics, *sorted({name for job in jobs for name in job.metrics})]))
    values = {metric: [job.metrics.get(metric) for job in jobs] for metric in metrics}
    first: dict[str, list[Any]] = {"number": [job.number for job in jobs], "state": [job.state for job in jobs]}
    first |= {metric: values.pop(metric) for metric in objective_metrics}
    last: dict[str, list[Any]] = values | {
        "best_epoch": [job.best_epoch for job in jobs],
        "epochs": [job.epochs for job in jobs],
        "seconds": [job.seconds for job in jobs],
        "folder": [job.folder for job in jobs],
        "error": [job.error for job in jobs],
    }
    taken = first.keys() | last.keys()
    overrides = {
        f"override {key}" if key in taken else key: [job.overrides.get(key) for job in jobs]
        for key in override_keys(jobs)
    }
    return first | overrides | last


def _write_csv(path: Path, columns: dict[str, list[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    write_text(path, text.getvalue())


def _write_parquet(path: Path, columns: dict[str, list[Any]]) -> None:
    import pyarrow as pa  # seldom needed, and 0.1 s to import
    from pyarrow import parquet

    types = {"number": pa.int64(), "best_epoch": pa.int64(), "epochs": pa.int64(), "seconds": pa.float64()}
    types |= {"state": pa.string(), "folder": pa.string(), "error": pa.string()}

    def array(name: str, values: list[Any]) -> Any:
        if name in types:
            return pa.array(values, types[name])
        numbers = _numbers(values)
        if numbers is None:
            return pa.array(values, pa.string())
        return pa.array(numbers, pa.int64() if any(isinstance(value, int) for value in numbers) else pa.float64())

    with atomic_write(path) as file:
        parquet.write_table(pa.table({name: array(name, values) for name, values in columns.items()}), file)


def _numbers(values: Sequence[Any]) -> list[Any] | None:
    """Return metrics as floats, and overrides as numbers where all of them are."""
    texts = [value for value in values if isinstance(value, str)]
    if not texts:
        return [None if value is None else float(value) for value in values]
    parsed = [None if value is None else number(value) for value in values]
    if any(new is None and old is not None for new, old in zip(parsed, values, strict=True)):
        return None
    # As whole numbers only if none is written with a point or exponent, and a float holds each exactly.
    if all(text.lstrip("+-").isdecimal() and len(text) <= 15 for text in texts):
        return [None if value is None else int(value) for value in parsed]
    return parsed


def _best(ranked: Sequence[Configuration], objectives: Sequence[Objective]) -> str:
    best = ranked[0]
    command = "python train.py " + shlex.join(_overrides(best))
    # A line break in a value would end the comment; the overrides below have it in any case.
    text = f"# {command}\n" if command.isprintable() else ""
    content = _entry(best, objectives)
    if len(objectives) > 1:
        text += _PARETO_NOTE
        content["pareto"] = [_entry(one, objectives) for one in pareto(ranked, objectives)]
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # several times as fast, where PyYAML has it
    lists_in_a_line = {"default_flow_style": None, "width": 100_000}
    dumped: str = yaml.dump(content, Dumper=dumper, sort_keys=False, allow_unicode=True, **lists_in_a_line)
    return text + dumped


def _entry(one: Configuration, objectives: Sequence[Objective]) -> dict[str, Any]:
    first = objectives[0]
    entry: dict[str, Any] = {"overrides": _overrides(one), "metric": first.metric, "mode": first.mode}
    entry |= _spread(one.estimates[0])
    if len(objectives) > 1:
        others = zip(objectives[1:], one.estimates[1:], strict=True)
        entry["others"] = [{"metric": o.metric, "mode": o.mode} | _spread(estimate) for o, estimate in others]
    entry["runs"] = [job.folder for job in sorted(one.jobs, key=lambda job: job.number)]
    entry["best_run"] = one.jobs[0].folder
    return entry


def _spread(estimate: Estimate) -> dict[str, Any]:
    if estimate.ci95 is None:
        return {"mean": estimate.mean}
    return {"mean": estimate.mean, "std": estimate.std, "ci95": list(estimate.ci95)}


def _overrides(one: Configuration) -> list[str]:
    return [override_of(key, value) for key, value in one.overrides.items()]
