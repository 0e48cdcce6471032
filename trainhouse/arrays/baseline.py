"""The metrics of a constant prediction: the most frequent class of the training rows, or their mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trainhouse.arrays.digits import shown_within
from trainhouse.arrays.spec import DataSpec


@dataclass(frozen=True)
class Baseline:
    """What is always said, in words, and the metrics that it reaches, as ``test/acc``."""

    always: str
    metrics: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        spec: DataSpec,
        always: np.ndarray,
        targets: Mapping[str, np.ndarray],
        weights: Mapping[str, np.ndarray | None] | None = None,
    ) -> "Baseline":
        """Return what saying `always` reaches on the `targets` of each split, whose rows may have `weights` (N,).

        It is a class code (), numbers (T,), or labels (K,), true or not.
        """
        reached: dict[str, float] = {}
        for split, y in targets.items():
            if len(y):
                found = _reached(spec, always, y, (weights or {}).get(split))
                reached |= {f"{split}/{name}": value for name, value in found.items()}
        return cls(_in_words(spec, always, np.concatenate(list(targets.values()))), reached)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for `metrics.json`."""
        return {"always": self.always, "metrics": self.metrics}


def always_of(spec: DataSpec, y: np.ndarray) -> np.ndarray:
    """Return what is best said of all rows of training, of whose targets `y` are."""
    if spec.classes:
        return np.asarray(np.bincount(y, minlength=len(spec.classes)).argmax())
    mean: np.ndarray = y.astype(np.float64).mean(axis=0)
    return mean > 0.5 if spec.task == "multilabel" else mean


def _reached(spec: DataSpec, always: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> dict[str, float]:
    if spec.classes:
        return {"acc": float(np.average(y == always, weights=weights))}
    if spec.task == "multilabel":
        return {"exact": float(np.average((y == always).all(axis=1), weights=weights))}
    errors = np.sqrt(np.average((y.astype(np.float64) - always) ** 2, axis=0, weights=weights))
    several = len(spec.targets) > 1
    return {
        f"rmse_{name}" if several else "rmse": float(error) for name, error in zip(spec.targets, errors, strict=True)
    }


def _in_words(spec: DataSpec, always: np.ndarray, y: np.ndarray) -> str:
    if spec.classes:
        return spec.classes[int(always)]
    if spec.task == "multilabel":
        return " and ".join(name for name, is_true in zip(spec.targets, always, strict=True) if is_true) or "no label"
    if len(spec.targets) > 1 or not len(y):
        return "the mean"
    return shown_within(float(always[0]), float(y.min()), float(y.max()))
