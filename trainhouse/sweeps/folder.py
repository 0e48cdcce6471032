"""The sweep's own folder: what it was started for, and how its jobs stand, which their run folders say."""

import math
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainhouse.configuration.bounded import read_mapping
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.printable import printable
from trainhouse.machine.files import write_json
from trainhouse.machine.locks import try_lock
from trainhouse.reports.likeness import cut_key
from trainhouse.runs.layout import CONFIG, METRICS, MULTIRUN, SWEEP
from trainhouse.sweeps.job import COMPLETE, FAIL, PRUNED, Job, Objective, overlap

LOCK, STUDY_LOCK, WORKERS = ".lock", ".study.lock", ".workers"
_MADE_BEFORE_A_JOB = (SWEEP, MULTIRUN, STUDY_LOCK, WORKERS, ".stop-*", "study.journal*")
_AGAIN = "restore the file, or start the sweep again in another folder"
_FRACTION = r"[+-]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][+-]?\d+)?"
_STATES = {"completed": COMPLETE, "pruned": PRUNED, "failed": FAIL, "running": "RUNNING"}


def read_record(folder: Path) -> dict[str, Any]:
    """Return what `write_record` has left in `folder`; nothing if it is not a sweep's yet."""
    path = folder / SWEEP
    content = read_mapping(path)
    if content is None:
        return {}
    if content.get("kind") not in ("grid", "search"):
        raise UserError(f"{path}: kind: expected grid or search, found {content.get('kind')!r:.40}; {_AGAIN}")
    if not isinstance(content.get("command"), str):
        raise UserError(f"{path}: command: expected a string, found {content.get('command')!r:.40}; {_AGAIN}")
    return content


def command_of(record: dict[str, Any]) -> str:
    """Return the command that a sweep was started with, as its record says."""
    return printable(record.get("command", "not recorded"))


def write_record(folder: Path, content: dict[str, Any]) -> None:
    """Keep what the sweep needs to know when it is resumed."""
    write_json(folder / SWEEP, content)


def give_up(folder: Path) -> None:
    """Remove what a sweep has left that never ran a job, unless another process is at work on it.

    Its folder's name can be used again.
    """
    lock = try_lock(folder / LOCK)
    if lock is None:
        return
    with lock:
        has_jobs = any(path.is_dir() and path.name.isdecimal() for path in folder.iterdir())
        if has_jobs or any(folder.glob(f"{WORKERS}/*")):  # another process has joined in the search
            return
        for pattern in _MADE_BEFORE_A_JOB:
            for path in folder.glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    (folder / LOCK).unlink(missing_ok=True)  # Windows removes no file that is open
    if not any(folder.iterdir()):
        folder.rmdir()


def has_begun(folder: Path) -> bool:
    """Whether a run has begun in a job's folder, so that it can be resumed."""
    return (folder / CONFIG).is_file()


def read_job(
    sweep: Path, number: int, lines: Sequence[str], objectives: Sequence[Objective], error: str | None = None
) -> Job:
    """Return how a job stands, by its run folder; `error` is why it could not begin."""
    folder = sweep / str(number)
    content = _record_of(folder)
    state = _STATES.get(str(content.get("status")), "INTERRUPTED" if has_begun(folder) else "WAITING")
    metrics = {key: math.nan if value is None else float(value) for key, value in content.get("metrics", {}).items()}
    if state == COMPLETE and (missing := _missing(metrics, objectives)):
        state, error = FAIL, missing
    elif state == COMPLETE:
        error = None
    elif state == FAIL:
        error = (str(content.get("error") or error or "").strip() or "failed").splitlines()[0]
    elif state != PRUNED and error:
        state = FAIL
    return Job(
        number=number,
        overrides={key: value for key, value in map(split_line, lines) if not is_of_the_sweep(key)},
        state=state,
        metrics=metrics,
        epochs=content.get("epochs"),
        best_epoch=content.get("best_epoch"),
        seconds=content.get("seconds"),
        folder=str(number),
        error=error if state == FAIL else None,
        data=_data(content),
        loss=loss if isinstance(loss := content.get("loss"), dict) else None,
        baseline=content.get("baseline"),
        length=length if isinstance(length := content.get("length"), dict) else None,
        source=Path(name).name if isinstance(name := content.get("provenance", {}).get("data"), str) else None,
    )


def _record_of(folder: Path) -> dict[str, Any]:
    """Return a run's own record; nothing if there is none, or one that no run has written: it is resumed, and does."""
    try:
        content = read_mapping(folder / METRICS) or {}
    except UserError:
        return {}
    mappings = {key: content.get(key) or {} for key in ("metrics", "provenance")}
    if not all(isinstance(one, dict) for one in mappings.values()) or not isinstance(content.get("status", ""), str):
        return {}
    numbers = [content.get(key) for key in ("epochs", "best_epoch", "seconds")]
    values = [*numbers, *mappings["metrics"].values()]
    return content | mappings if all(one is None or _is_number(one) for one in values) else {}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _data(content: dict[str, Any]) -> str | None:
    """Name the data and its cut, without the luck of a repeat."""
    try:
        key = cut_key(content["provenance"]["data_fingerprint"], content.get("data_split"))
        return f"{key} in part" if content.get("measured_in_part") else key
    except (LookupError, TypeError, ValueError, AttributeError):  # of a run that has not begun, or a damaged record
        return None


def is_of_the_sweep(override: str) -> bool:
    """Whether an override, or its key, says how a sweep runs, and nothing of what a job learns."""
    return re.match(r"[+~]*(sweep|launcher|outputs)([.=]|$)", override) is not None


def gives_values_only(lines: Sequence[str]) -> bool:
    """Whether overrides name nothing to be built, nothing of Hydra's own, and nothing to be looked up."""
    return not any(
        re.search(r"(^|[.@+~])(_|hydra\b)", split_line(line)[0]) or "_target_" in line or "${" in line for line in lines
    )


def same_job(lines: Sequence[str]) -> tuple[str, ...]:
    """Return what is equal for two lists of overrides if they are the same job's."""
    kept = [_as_one(line) for line in lines if not is_of_the_sweep(line)]
    keys = [split_line(line)[0] for line in kept]
    in_order = [line for line, key in zip(kept, keys, strict=True) if sum(overlap(key, other) for other in keys) > 1]
    return (*sorted(kept), *in_order)


def _as_one(line: str) -> str:
    """Write a fraction as Python does: Hydra keeps a single value as it was typed, and of several what they mean."""
    key, value = split_line(line)
    return f"{key}={float(value)!r}" if re.fullmatch(_FRACTION, value) else line


def split_line(line: str) -> tuple[str, str]:
    """Return the key, with the sign before it, and the value of an override."""
    key, _, value = line.partition("=")
    return key, value


def _missing(metrics: dict[str, float], objectives: Sequence[Objective]) -> str | None:
    """Say why a job that ran to its end can't be compared: such a one has failed."""
    for objective in objectives:
        if objective.metric not in metrics:
            return f"sweep.metric: {objective.metric} is not logged (there are: {', '.join(sorted(metrics))})"
        if not math.isfinite(metrics[objective.metric]):
            return f"{objective.metric} is not finite"
    return None
