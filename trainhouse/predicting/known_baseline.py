"""The baseline of rows that are measured: a constant prediction, which a checkpoint knows from its training rows."""

from typing import Any

import numpy as np

from trainhouse.arrays.baseline import Baseline, always_of
from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.spec import DataSpec
from trainhouse.checkpoints.checkpoint import Checkpoint


def known_baseline(
    checkpoint: Checkpoint, split: str, targets: np.ndarray, weights: np.ndarray | None
) -> dict[str, Any] | None:
    """Return what is reached on the `targets` of a split, which may have `weights` (N,).

    None where nobody kept what is best said, or nothing was measured.
    """
    return _reached(checkpoint.data_spec, _known(checkpoint), split, targets, weights)


def baseline_of_own(checkpoint: Checkpoint, datamodule: DataModule, split: str) -> dict[str, Any] | None:
    """Return what is reached on a split of arrays that a module of the user's own is measured on.

    Such a module keeps no mean of the targets, so that of amounts there is one only while the training rows are there.
    """
    known = _known(checkpoint)
    if known is None and datamodule.is_named(checkpoint.provenance["data_fingerprint"]):
        known = always_of(datamodule.spec, _targets(datamodule, "train"))
    return _reached(datamodule.spec, known, split, _targets(datamodule, split), datamodule.weights_of(split))


def _targets(datamodule: DataModule, split: str) -> np.ndarray:
    found: np.ndarray = datamodule.parts[split][0].y[datamodule.row_numbers_of(split)]
    return found


def _known(checkpoint: Checkpoint) -> np.ndarray | None:
    """Return what is best said of all rows, as `always_of` does, from what a checkpoint keeps of its training rows."""
    spec = checkpoint.data_spec
    is_multilabel = spec.task == "multilabel"
    mean = checkpoint.state_dict.get("target_mean")
    key = "class_counts" if spec.classes else "label_shares" if is_multilabel else None
    known = checkpoint.facts.get(key) if key else mean
    if known is None or not len(known):
        return None
    if spec.classes:
        return np.asarray(np.argmax(known))
    return np.asarray(known) > 0.5 if is_multilabel else np.asarray(known)


def _reached(
    spec: DataSpec, always: np.ndarray | None, split: str, targets: np.ndarray, weights: np.ndarray | None
) -> dict[str, Any] | None:
    if always is None or not len(targets):
        return None
    return Baseline.of(spec, always, {split: targets}, {split: weights}).to_dict()
