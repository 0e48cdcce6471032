"""Commands that a command ends with, behind ``next:``: each works with what is there now."""

import logging
from collections.abc import Collection
from pathlib import Path

from trainhouse.reports.names import split_of
from trainhouse.runs.typed import as_override, command

_log = logging.getLogger(__name__)

# Files that infer.py reads.
_ROWS = (".npy", ".npz", ".csv", ".csv.gz", ".tsv", ".txt", ".jsonl", ".parquet", ".feather", ".arrow", ".xlsx")
_PREDICTIONS = "predictions.csv"


def say_next(*commands: str | None) -> None:
    """Say what to type next, a line for each command that there is."""
    for number, text in enumerate(filter(None, commands)):
        _log.info("%s%s", "       " if number else "\nnext:  ", text, extra={"lines": True})


def evaluation(model: Path, metrics: Collection[str]) -> str | None:
    """Return the command that evaluates a run or a checkpoint with these `metrics`; None if nothing can be measured."""
    splits = {split_of(name) for name in metrics}
    if "test" in splits:
        return command("eval", as_override("ckpt_path", model))
    return command("eval", as_override("ckpt_path", model), "split=val") if "val" in splits else None


def inference(model: Path, data: str) -> str | None:
    """Return the command that predicts for the rows of the file `data`; None if that is no file with rows."""
    file = Path(data)
    if not data.endswith(_ROWS) or not file.is_file() or Path(_PREDICTIONS).exists():
        return None
    words = (as_override("ckpt_path", model), as_override("input", file), f"output={_PREDICTIONS}")
    return command("infer", *words)
