"""Promotes a run's best model to the final model, which inference uses."""

import json
import logging
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from src.evaluation.run_table import Ranking, Run
from src.utils.errors import UserError
from src.utils.files import copy, sha256, write_json

_log = logging.getLogger(__name__)


def promote(ranking: Ranking, final_model: Path, force: bool) -> None:
    """Copy the best run's checkpoint to `final_model`, and say beside it in a `.json` file where it comes from.

    A final model that is there already gives way only to a better one on the same data, unless `force`.
    """
    best = ranking.runs[0]
    value = best.metrics[ranking.metric]
    if not math.isfinite(value):
        raise UserError(f"metric: {ranking.metric} is not finite in any run, so there is no best one")
    if final_model.suffix != ".ckpt":
        raise UserError(f"final_model: expected a name that ends in .ckpt, got {final_model}")
    record = final_model.with_suffix(".json")
    if final_model.is_file() and not force:
        kept = _reason_to_keep(_read_record(record), best, ranking, final_model)
        if kept:
            _log.info("%s stays as it is: %s", final_model, kept)
            return
    copy(best.best_model, final_model)
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
    _log.info("%s is now the best model of %s (%s %.4f)", final_model, best.folder, ranking.metric, value)


def _read_record(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _reason_to_keep(record: dict[str, Any] | None, best: Run, ranking: Ranking, final_model: Path) -> str | None:
    """Why the present final model is not replaced; None if it is. Raises `UserError` if the two can't be compared."""
    if record is None or record.get("sha256") != sha256(final_model):
        raise UserError(f"{final_model}: there is no record of where this file comes from; replace it with force=true")
    if record.get("data_key") != best.data_key:
        raise UserError(
            f"{final_model}: was trained on other data ({record.get('data')}, {record.get('data_key')}), not "
            f"{best.data_key}; replace it with force=true, or choose another place with final_model=..."
        )
    present = record.get("metrics", {}).get(ranking.metric)
    if present is None:
        raise UserError(f"{final_model}: has no {ranking.metric} to compare with; replace it with force=true")
    value = best.metrics[ranking.metric]
    better = value < present if ranking.mode == "min" else value > present
    if better:
        return None
    if record.get("run") == str(best.folder):
        return "it is the best of these runs already"
    return f"its {ranking.metric} of {present:.4f} is not beaten by {value:.4f} (force=true replaces it all the same)"
