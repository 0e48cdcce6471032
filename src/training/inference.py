"""Streams the rows of a file through a checkpoint's model into a file of predictions."""

import logging
from pathlib import Path

import torch
from tqdm import tqdm

from src.data.raw_rows import read_raw_rows
from src.evaluation.predict import predict
from src.evaluation.writers import check_output, open_writer, prediction_columns
from src.training.ensemble import load_members, named, rebuild_ensemble
from src.training.threads import set_threads
from src.utils.errors import UserError

_log = logging.getLogger(__name__)


def infer(input: str, output: str, ckpt_path: str, batch_size: int, accelerator: str, threads: int | None) -> None:
    """Write a prediction for every row of `input`. Memory does not grow with the number of rows.

    Of a sweep's folder as `ckpt_path`, the best models predict together.
    """
    set_threads(threads)
    target = Path(output)
    check_output(target, "output")
    members = load_members(ckpt_path)
    spec = members[0].spec
    for key, path in (("input", input), ("ckpt_path", ckpt_path)):
        if target.exists() and Path(path).exists() and target.samefile(path):
            raise UserError(f"output: {target} is the {key} itself, which would be overwritten; name another file")
    rows, batches = read_raw_rows(Path(input), spec, batch_size)
    module = rebuild_ensemble(members).to(_device(accelerator))
    written = 0
    with open_writer(target) as writer, tqdm(total=rows, unit=" rows", unit_scale=True, disable=None) as bar:
        for values in predict(module, batches):
            writer.write(prediction_columns(spec, values))
            written += len(values)
            bar.update(len(values))
    _log.info("%d predictions of %s are in %s", written, named(members), target)


def _device(accelerator: str) -> torch.device:
    if accelerator == "cpu":
        return torch.device("cpu")
    available = torch.accelerator.current_accelerator(check_available=True)
    if accelerator == "gpu" and available is None:
        raise UserError("accelerator: gpu is asked for, but torch finds none on this machine; use accelerator=cpu")
    return available or torch.device("cpu")
