"""Streams the rows of a file through a checkpoint's model into a file of predictions."""

import logging
import time
from pathlib import Path
from typing import Any

import torch

from trainhouse.arrays.far_numbers import watched
from trainhouse.checkpoints.checkpoint import Checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.machine.numbers import format_number
from trainhouse.machine.terminal import LinePart, LiveLine, duration
from trainhouse.machine.writes import only_below
from trainhouse.predicting.ensemble import (
    foreign_of,
    is_own,
    load_members,
    rebuild_ensemble,
    spec_of_rows,
    which_models,
)
from trainhouse.predicting.form_of_rows import keys_of_rows
from trainhouse.predicting.own_prediction import ANY_KIND, predict_own, predict_rows_own
from trainhouse.predicting.predict import predict
from trainhouse.predicting.row_columns import row_columns
from trainhouse.reports.writers import check_output, open_writer
from trainhouse.runs.overwriting import refuse_predictions_there
from trainhouse.tables.raw_rows import read_raw_rows
from trainhouse.training.build_data import is_datamodule
from trainhouse.training.threads import set_threads

_log = logging.getLogger(__name__)


def infer(
    input: str | None,
    output: str,
    ckpt_path: str,
    batch_size: int,
    accelerator: str,
    threads: int | None,
    data: dict[str, Any] | None = None,
    overwrite: bool = False,
) -> None:
    """Write a prediction for every row of `input`. Memory does not grow with the number of rows.

    Of a sweep's folder as `ckpt_path`, the best models predict together. A LightningDataModule of the user's own, built
    with the arguments in `data`, gives the batches to predict for by itself.
    """
    set_threads(threads)
    target, data = Path(output), data or {}
    check_output(target, ANY_KIND)
    members = load_members(ckpt_path)
    device = _device(accelerator)
    made_from = (("input", input), ("ckpt_path", ckpt_path))
    refuse_predictions_there(target, overwrite, [(key, Path(path)) for key, path in made_from if path])
    with only_below(foreign_of(members), file=target):
        _predict(members, input, data, target, batch_size, device)


def _predict(
    members: list[Checkpoint],
    input: str | None,
    data: dict[str, Any],
    target: Path,
    batch_size: int,
    device: torch.device,
) -> None:
    if is_own(members[0]):
        written, what = _infer_own(members[0], input, data, target, batch_size, device)
        _log.info("%d %s of %s are in %s", written, what, which_models(members), target)
        return
    if input is None:
        raise UserError("input: required; add input=... to the command")
    keys = keys_of_rows(members[0], data)
    if target.suffix == ANY_KIND:
        raise UserError(
            f"output: {ANY_KIND} takes what a module of your own returns; give .csv, .parquet, .npy or .jsonl"
        )
    spec = spec_of_rows(members)
    rows, batches = read_raw_rows(Path(input), spec, batch_size, keys=keys)
    module = rebuild_ensemble(members).to(device)
    named = row_columns(members, input, target, keys)
    written, started, line = 0, time.perf_counter(), LiveLine()
    try:
        with open_writer(target) as writer:
            for values in predict(module, watched(batches, spec, input)):
                writer.write(named.beside(module.task.prediction_columns(spec, values)))
                written += len(values)
                if line.is_due:
                    line.show(_progress(written, rows, time.perf_counter() - started), written / rows if rows else None)
    finally:
        line.clear()
    _log.info("%s predictions of %s are in %s", f"{written:,}", which_models(members), target)


def _progress(written: int, rows: int | None, seconds: float) -> list[LinePart]:
    of = f" of {rows:,}" if rows else ""
    rate = written / max(seconds, 1e-9)
    parts = [LinePart(f"{written:,}{of} rows"), LinePart(f"{format_number(rate, whole=True)} rows/s", 2)]
    return [*parts, LinePart(f"{duration((rows - written) / rate)} left", 1)] if rows else parts


def _infer_own(
    checkpoint: Checkpoint, input: str | None, data: dict[str, Any], target: Path, batch_size: int, device: torch.device
) -> tuple[int, str]:
    """Predict with what is the user's own; return how many of what."""
    if is_datamodule(checkpoint.config.data):
        if input is not None:
            name = checkpoint.config.data.name
            raise UserError(
                f"input: is for models of array data; {name} gives its own batches to predict for: set its arguments, "
                "as data.<argument>=..."
            )
        what = "batches" if target.suffix == ANY_KIND else "predictions"
        return predict_own(checkpoint, data, target, device), what
    if input is None:
        raise UserError("input: required; add input=... to the command")
    keys = keys_of_rows(checkpoint, data)
    if target.suffix == ANY_KIND:
        raise UserError(
            "output: rows of arrays are predicted into .csv, .parquet, .npy or .jsonl, from input=... alone"
        )
    spec = checkpoint.data_spec
    _, batches = read_raw_rows(Path(input), spec, batch_size, keys=keys)
    named = row_columns([checkpoint], input, target, keys)
    return predict_rows_own(checkpoint, watched(batches, spec, input), named, target, device), "predictions"


def _device(accelerator: str) -> torch.device:
    if accelerator == "cpu":
        return torch.device("cpu")
    available = torch.accelerator.current_accelerator(check_available=True)
    if accelerator == "gpu" and available is None:
        raise UserError("accelerator: gpu, and there is none; use accelerator=cpu")
    return available or torch.device("cpu")
