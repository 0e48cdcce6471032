"""Writing and reading a checkpoint of 200 MB."""

from typing import Any

import torch

from trainhouse.benchmarks.lab import Lab
from trainhouse.benchmarks.measuring import Samples, row, timed
from trainhouse.checkpoints.checkpoint import FORMAT, RECORD, read
from trainhouse.checkpoints.writing import AtomicCheckpointIO


@row("s", "of torch.save's speed")
def checkpoint_save(lab: Lab) -> Samples:
    """Seconds to save a state of 200 MB as a run does: beside its target, synced to the disk, renamed. Yardstick: plain
    torch.save over the file that is there, which leaves the data in the system's cache.
    """
    state, path = _state(lab), lab.folder / "ours.ckpt"
    saver = AtomicCheckpointIO()
    plain = lab.folder / "plain.ckpt"
    return timed(lab.repeats, lambda: saver.save_checkpoint(state, path), lambda: torch.save(state, plain))


@row("s", "of torch.load's speed")
def checkpoint_load(lab: Lab) -> Samples:
    """Seconds to read a checkpoint of 200 MB whole, and check that it is one. Yardstick: torch.load of the same file,
    `weights_only` as well.
    """
    path = lab.folder / "loaded.ckpt"
    torch.save(_state(lab), path)
    return timed(lab.repeats, lambda: read(path), lambda: torch.load(path, map_location="cpu", weights_only=True))


def _state(lab: Lab) -> dict[str, Any]:
    """Return weights and Adam's two moments of them: three times 17 million numbers."""
    tensors = lab.size(full=17, quick=2)
    kinds = ("weights", "exp_avg", "exp_avg_sq")
    numbers = {f"{kind}.{index}": torch.rand(1000, 1000) for kind in kinds for index in range(tensors)}
    return {RECORD: {"format": FORMAT}, "state_dict": numbers}
