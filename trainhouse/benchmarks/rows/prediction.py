"""Evaluation and inference against a bare forward loop over the same memory-mapped rows.

All in this process, after a warm-up, so that starting up is left out; here torch's threads spin while they wait, on
both sides, where the scripts tell them not to. The model is the perceptron of the training
rows after an epoch, the rows are 200,000 images of 28 x 28 uint8 values, in batches of the same size on both sides.
"""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from trainhouse.arrays.row_preprocessing import RowPreprocessing
from trainhouse.benchmarks.composed import composed
from trainhouse.benchmarks.lab import Lab, perceptron
from trainhouse.benchmarks.measuring import Samples, row, timed

INFER_BATCH = 1024
_OF_FORWARD = "of a bare forward loop's speed"


@row("rows/s", _OF_FORWARD, higher_is_better=True)
def evaluate(lab: Lab) -> Samples:
    """Rows per second of all that eval.py does after it has read the checkpoint, in process: rebuilding model and
    data, metrics, predictions.csv, the report and its figure; in the batches of 128 of the training. Yardstick:
    forward and softmax in a bare loop over the same memory-mapped rows, nothing counted and nothing written.
    """
    from trainhouse.checkpoints.checkpoint import load_checkpoint
    from trainhouse.predicting.evaluate_checkpoint import evaluate_checkpoint, report_evaluation

    run = lab.trained(*perceptron(lab))
    words = _rows(lab)
    data = [f"+{word}" for word in words if word.startswith("data.")]
    config = composed("eval", f"ckpt_path={run}", "predictions=true", *data)
    logging.getLogger("trainhouse").setLevel(logging.WARNING)

    def ours() -> None:
        checkpoint, folder = load_checkpoint(run), lab.new_folder()
        evaluation, split = evaluate_checkpoint([checkpoint], config, folder)
        report_evaluation(evaluation, [checkpoint], split, folder)

    return _per_second(lab, ours, bare_forward(run, _path(words, "data.features"), batch_size=128))


@row("rows/s", "of the speed of a bare forward loop with numpy.save", higher_is_better=True)
def infer_npy(lab: Lab) -> Samples:
    """Rows per second of infer.py's `infer`, in process, from reading the checkpoint to the synced .npy file of
    predictions, in batches of 1024. Yardstick: forward and softmax in a bare loop over the same memory-mapped rows,
    the probabilities written by one numpy.save.
    """
    from trainhouse.predicting.inference import infer

    run = lab.trained(*perceptron(lab))
    rows = _path(_rows(lab), "data.features")
    output, saved = lab.folder / "predictions.npy", lab.folder / "yardstick.npy"
    config = composed(
        "infer", f"input={rows}", f"output={output}", "overwrite=true", f"ckpt_path={run}", f"batch_size={INFER_BATCH}"
    )

    def ours() -> None:
        infer(**config.plain)

    return _per_second(lab, ours, bare_forward(run, rows, INFER_BATCH, saved))


def _rows(lab: Lab) -> list[str]:
    return lab.images(lab.size(full=200_000, quick=10_000))


def _path(words: list[str], key: str) -> Path:
    return Path(next(word for word in words if word.startswith(f"{key}=")).partition("=")[2])


def _per_second(lab: Lab, ours: Callable[[], None], yardstick: Callable[[], None]) -> Samples:
    rows = len(np.load(_path(_rows(lab), "data.features"), mmap_mode="r"))
    seconds = timed(lab.repeats, ours, yardstick)
    return Samples([rows / value for value in seconds.ours], [rows / value for value in seconds.yardstick])


def bare_forward(run: Path, rows: Path, batch_size: int, output: Path | None = None) -> Callable[[], None]:
    """Return the loop that says for every row what the model of `run` does, and nothing else."""
    from trainhouse.checkpoints.checkpoint import load_checkpoint
    from trainhouse.training.rebuild_module import rebuild_module

    device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    module = rebuild_module(load_checkpoint(run)).to(device)
    network, fitted = module.network, module.preprocessing
    assert isinstance(network, torch.nn.Module)
    assert isinstance(fitted, RowPreprocessing)
    network.eval()
    mean, std = fitted.shift, fitted.scale

    def loop() -> None:
        x = np.load(rows, mmap_mode="c")
        said = []
        with torch.inference_mode():
            for start in range(0, len(x), batch_size):
                batch = torch.from_numpy(x[start : start + batch_size]).to(device)
                said.append(network((batch.float() - mean) / std).softmax(dim=1).cpu())
        if output:
            np.save(output, torch.cat(said).numpy())

    return loop
