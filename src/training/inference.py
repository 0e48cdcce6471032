"""Streams the rows of a file through a checkpoint's model into a file of predictions."""

import logging
from pathlib import Path

import torch
from tqdm import tqdm

from src.data.raw_rows import read_raw_rows
from src.evaluation.predict import predict
from src.evaluation.writers import check_output, open_writer, prediction_columns
from src.training.build import rebuild_module
from src.training.checkpoint import load_checkpoint
from src.training.threads import set_threads
from src.utils.errors import UserError

_log = logging.getLogger(__name__)


def infer(input: str, output: str, ckpt_path: str, batch_size: int, accelerator: str, threads: int | None) -> None:
    """Write a prediction for every row of `input`. Memory does not grow with the number of rows."""
    set_threads(threads)
    target = Path(output)
    check_output(target, "output")
    checkpoint = load_checkpoint(ckpt_path)
    for key, path in (("input", input), ("ckpt_path", ckpt_path)):
        if target.exists() and Path(path).exists() and target.samefile(path):
            raise UserError(f"output: {target} is the {key} itself, which would be overwritten; name another file")
    rows, batches = read_raw_rows(Path(input), checkpoint.spec, batch_size)
    module = rebuild_module(checkpoint).to(_device(accelerator))
    written = 0
    with open_writer(target) as writer, tqdm(total=rows, unit=" rows", unit_scale=True, disable=None) as bar:
        for values in predict(module, batches):
            writer.write(prediction_columns(checkpoint.spec, values))
            written += len(values)
            bar.update(len(values))
    _log.info("%d predictions of %s (epoch %d) are in %s", written, checkpoint.path, checkpoint.epoch, target)


def _device(accelerator: str) -> torch.device:
    if accelerator == "cpu":
        return torch.device("cpu")
    available = torch.accelerator.current_accelerator(check_available=True)
    if accelerator == "gpu" and available is None:
        raise UserError("accelerator: gpu is asked for, but torch finds none on this machine; use accelerator=cpu")
    return available or torch.device("cpu")
