"""Promotes a run's best model to the final model, which inference uses."""

import logging
import math
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trainhouse.configuration.bounded import read_mapping
from trainhouse.configuration.errors import UserError
from trainhouse.machine.files import copy, remove_partial_files, sha256, write_json
from trainhouse.machine.locks import of_this_machine, try_lock
from trainhouse.machine.numbers import format_number
from trainhouse.reports.finished_runs import Run
from trainhouse.reports.likeness import difference, is_loss
from trainhouse.reports.next_steps import evaluation, inference, say_next
from trainhouse.reports.ranking import Ranking
from trainhouse.runs.layout import METRICS

_log = logging.getLogger(__name__)
_REPLACES = "replaces"
_PATIENCE = 60.0  # seconds


def check_final_model(path: Path) -> None:
    """Raise `UserError` if no model can be promoted to `path`: before runs are read."""
    if path.suffix != ".ckpt":
        raise UserError(f"final_model: expected a name that ends in .ckpt, got {path}")
    if path.is_dir():
        raise UserError(f"final_model: {path} is a folder; name a file")
    for folder in path.absolute().parents:
        if folder.exists() and not folder.is_dir():
            raise UserError(f"final_model: {folder} is a file, so nothing can be written below it")
        if (folder / METRICS).is_file():
            raise UserError(f"final_model: {path} is in the run {folder}, whose files stay as they are; name another")


def promote(ranking: Ranking, final_model: Path, force: bool) -> None:
    """Copy the best run's checkpoint to `final_model`, and say beside it in a `.json` file where it comes from.

    A final model that is there already gives way only to a better one on the same data, unless `force`. The record is
    written first, with the one that it replaces: whichever of the two the model's SHA-256 is in, holds. So the renaming
    of the model decides, and a command that is killed before or after it can be given again.
    """
    best = ranking.runs[0]
    value = best.metrics[ranking.metric]
    if not math.isfinite(value):
        raise UserError(f"metric: {ranking.metric} is not finite in any run, so there is no best one")
    _refuse_damaged(best.best_model)
    _refuse_another(best)
    try:
        final_model.parent.mkdir(parents=True, exist_ok=True)
        with _alone():
            for path in (final_model, final_model.with_suffix(".json")):
                remove_partial_files(path.parent, of=path.name)
            _promote(best, value, ranking, final_model, force)
        say_next(evaluation(final_model, best.metrics), inference(final_model, best.provenance["data"]))
    except OSError as error:
        raise UserError(f"final_model: cannot write {final_model}: {error.strerror}") from error


def would_be_refused(ranking: Ranking, final_model: Path) -> bool:
    """Whether the best run's model could not be compared with the final model that is there; its file isn't read."""
    if not final_model.is_file():
        return False
    try:
        _reason_to_keep(_read_record(final_model.with_suffix(".json")), ranking.runs[0], ranking, final_model)
        return False
    except UserError:
        return True


@contextmanager
def _alone() -> Iterator[None]:
    """Wait for other promotions on this machine. Raises `UserError` if one does not end."""
    until = time.monotonic() + _PATIENCE
    while (lock := try_lock(of_this_machine("promotion"))) is None:
        if time.monotonic() > until:
            raise UserError(
                "final_model: another select_best_model.py is at work on this machine; wait for it, or end it"
            )
        time.sleep(0.05)
    with lock:
        yield


def _promote(best: Run, value: float, ranking: Ranking, final_model: Path, force: bool) -> None:
    """Write the record, then rename the model: see `promote` for why in this order."""
    path = final_model.with_suffix(".json")
    written = _read_record(path)
    present = _record_of(final_model, written) if final_model.is_file() else None
    if final_model.is_file() and not force:
        kept = _reason_to_keep(present, best, ranking, final_model)
        if kept:
            if present != _without_history(written):
                write_json(path, present)
                _log.info("%s: its record is written again; a promotion had been stopped", final_model)
            _log.info("%s stays as it is: %s", final_model, kept)
            return
    record = _record(best, ranking.metric, ranking.mode)
    write_json(path, record | ({_REPLACES: present} if present else {}))
    copy(best.best_model, final_model)
    what = "best" if best.monitor is not None else "last"
    _log.info(
        "%s is now the %s model of %s (%s %s)", final_model, what, best.folder, ranking.metric, format_number(value)
    )
    if best.monitor is None:
        _log.info("the run monitors nothing, so that its last model stands in for a best one")


def _record(run: Run, metric: str, mode: str) -> dict[str, Any]:
    """Return what is said of a run's best model."""
    return {
        "run": str(run.folder),
        "checkpoint": str(run.best_model),
        "epoch": run.best_epoch,
        "metric": metric,
        "mode": mode,
        "value": run.metrics[metric],
        "metrics": run.metrics,
        "loss": run.loss,
        "sha256": sha256(run.best_model),
        "data": run.provenance["data"],
        "data_fingerprint": run.provenance["data_fingerprint"],
        "data_key": run.data_key,
        "git_commit": run.provenance["git_commit"],
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _record_of(final_model: Path, written: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the record of the model that is there: of those that a promotion, stopped or not, has written.

    None if nobody knows where it comes from.
    """
    digest = sha256(final_model)
    for record in (written, (written or {}).get(_REPLACES)):
        if isinstance(record, dict) and record.get("sha256") == digest:
            return _without_history(record)
    return None


def _without_history(record: dict[str, Any] | None) -> dict[str, Any] | None:
    return record and {key: value for key, value in record.items() if key != _REPLACES}


def _refuse_another(run: Run) -> None:
    """A checkpoint that was copied into a run's folder has not the numbers of that run."""
    if run.best_model_sha256 not in (None, sha256(run.best_model)):
        raise UserError(
            f"{run.best_model}: is not the file that the numbers in {run.folder / METRICS} were measured with (its "
            "SHA-256 is another); restore it, or delete that run"
        )


def _refuse_damaged(checkpoint: Path) -> None:
    """A checkpoint is a zip archive, with a check sum of each part."""
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            part = archive.testzip()
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise UserError(f"{checkpoint}: damaged ({error}); delete that run, or restore the file") from error
    if part:
        raise UserError(f"{checkpoint}: damaged (the check sum of {part}); delete that run, or restore the file")


def _read_record(path: Path) -> dict[str, Any] | None:
    try:
        return read_mapping(path)
    except UserError:
        return None


def _reason_to_keep(record: dict[str, Any] | None, best: Run, ranking: Ranking, final_model: Path) -> str | None:
    """Why the present final model is not replaced; None if it is. Raises `UserError` if the two can't be compared."""
    if record is None:
        raise UserError(f"{final_model}: there is no record of where this file comes from; replace it with force=true")
    if record.get("data_key") != best.data_key:
        raise UserError(
            f"{final_model}: was trained on other data ({record.get('data')}, {record.get('data_key')}), not "
            f"{best.data_key}; replace it with force=true, or choose another place with final_model=..."
        )
    metrics = record.get("metrics")
    present = metrics.get(ranking.metric) if isinstance(metrics, dict) else None
    if not isinstance(present, (int, float)):
        raise UserError(f"{final_model}: has no {ranking.metric} to compare with; replace it with force=true")
    losses = (record.get("loss"), best.loss)
    if not isinstance(losses[0], dict | None):
        raise UserError(f"{final_model}: its record says no loss ({losses[0]!r:.40}); replace it with force=true")
    if is_loss(ranking.metric) and (differs := difference(losses)):
        raise UserError(
            f"{final_model}: its {ranking.metric} is not the same measure ({differs}); compare by another with "
            "metric=..., or replace it with force=true"
        )
    value = best.metrics[ranking.metric]
    better = value < present if ranking.mode == "min" else value > present
    if better:
        return None
    if record.get("run") == str(best.folder):
        return "it is the best of these runs already"
    reason = f"its {ranking.metric} of {format_number(present)} is not beaten by {format_number(value)}"
    return f"{reason} (force=true replaces it all the same)"
