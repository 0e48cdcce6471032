"""What a task is, as far as training, evaluation and inference have to know."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from trainhouse.arrays.spec import DataSpec

Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class Findings:
    """What an evaluation says beside its metrics: lines for the terminal, plain data for the file, figures by name."""

    text: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)


class Task(Protocol):
    """How the outputs (B, ...) of a network are meant. Its instances are the user's."""

    name: str
    scales_targets: bool
    """Whether the network learns targets standardised by the training split's mean and deviation."""

    def predict(self, outputs: Tensor) -> Tensor:
        """Map a network's outputs, in the targets' own units, to what is said of a row."""

    def undo(self, predictions: Tensor) -> Tensor:
        """Map predictions back to outputs: those of several networks are averaged as predictions."""

    def decide(self, predictions: np.ndarray) -> np.ndarray:
        """Map predictions to what is compared with the targets, and of the same shape."""

    def prediction_columns(self, spec: DataSpec, predictions: np.ndarray) -> Columns:
        """Name the predictions of a batch as columns of a file."""

    def target_columns(self, spec: DataSpec, targets: np.ndarray) -> Columns:
        """Name the targets of a batch as columns of a file."""

    def findings(self, spec: DataSpec, targets: np.ndarray, decided: np.ndarray) -> Findings:
        """Return what there is to say of all rows of a split beside the metrics."""
