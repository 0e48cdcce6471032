"""Promotes a run's best model to the final model, which inference uses."""

import logging
import math
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trainhouse.configuration.bounded import read_mapping
from trainhouse.configuration.errors import UserError
from trainhouse.machine.files import copy, sha256, write_json
from trainhouse.reports.run_table import Ranking, Run
from trainhouse.runs.run_folder import METRICS

_log = logging.getLogger(__name__)


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

    A final model that is there already gives way only to a better one on the same data, unless `force`.
    """
    best = ranking.runs[0]
    value = best.metrics[ranking.metric]
    if not math.isfinite(value):
        raise UserError(f"metric: {ranking.metric} is not finite in any run, so there is no best one")
    check_final_model(final_model)
    _refuse_damaged(best.best_model)
    record = final_model.with_suffix(".json")
    if final_model.is_file() and not force:
        kept = _reason_to_keep(_read_record(record), best, ranking, final_model)
        if kept:
            _log.info("%s stays as it is: %s", final_model, kept)
            return
    try:
        copy(best.best_model, final_model)
    except OSError as error:
        raise UserError(f"final_model: cannot write {final_model}: {error.strerror}") from error
    write_json(
        record,
        {
            "run": str(best.folder),
            "checkpoint": str(best.best_model),
            "epoch": best.best_epoch,
            "metric": ranking.metric,
            "mode": ranking.mode,
            "value": value,
            "metrics": best.metrics,
            "sha256": sha256(final_model),
            "data": best.provenance["data"],
            "data_fingerprint": best.provenance["data_fingerprint"],
            "data_key": best.data_key,
            "git_commit": best.provenance["git_commit"],
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )
    what = "best" if best.monitor is not None else "last"
    _log.info("%s is now the %s model of %s (%s %.4f)", final_model, what, best.folder, ranking.metric, value)
    if best.monitor is None:
        _log.info("the run monitors nothing, so that its last model stands in for a best one")


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
    if record is None or record.get("sha256") != sha256(final_model):
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
    value = best.metrics[ranking.metric]
    better = value < present if ranking.mode == "min" else value > present
    if better:
        return None
    if record.get("run") == str(best.folder):
        return "it is the best of these runs already"
    return f"its {ranking.metric} of {present:.4f} is not beaten by {value:.4f} (force=true replaces it all the same)"
