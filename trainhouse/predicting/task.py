"""What a task is, as far as training, evaluation and inference have to know."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from torch import Tensor

from trainhouse.arrays.spec import DataSpec
from trainhouse.figures.measured import Measured

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class Findings:
    """What an evaluation says beside its metrics: lines for the terminal, plain data for the file, figures by name."""

    text: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)
    figures: "Mapping[str, Figure | Callable[[], Figure | None]]" = field(default_factory=dict)


class Task(Protocol):
    """How the outputs (B, ...) of a network are meant. Its instances are the user's."""

    name: str
    scales_targets: bool
    """Whether the network learns targets standardised by the training split's mean and deviation."""
    error: str
    """What `row_errors` are, as it stands on an axis."""

    @property
    def figures(self) -> "Sequence[str | Callable[[Measured], Figure | None]]":
        """What is drawn of a test: names of the library's figures (`figures/chosen.py`), or functions of one's own.

        A function's name is that of its file. A task of an older version has no figures, errors of rows neither.
        """

    def predict(self, outputs: Tensor) -> Tensor:
        """Map a network's outputs, in the targets' own units, to what is said of a row."""

    def undo(self, predictions: Tensor) -> Tensor:
        """Map predictions back to outputs: those of several networks are averaged as predictions."""

    def decide(self, predictions: np.ndarray) -> np.ndarray:
        """Map predictions to what is compared with the targets, and of the same shape."""

    def row_errors(self, targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """Return how wrong each row's prediction is, (N,) or, of several targets, (N, T): the worst rows are shown."""

    def prediction_columns(self, spec: DataSpec, predictions: np.ndarray) -> Columns:
        """Name the predictions of a batch as columns of a file."""

    def target_columns(self, spec: DataSpec, targets: np.ndarray) -> Columns:
        """Name the targets of a batch as columns of a file."""

    def findings(self, spec: DataSpec, targets: np.ndarray, decided: np.ndarray) -> Findings:
        """Return what there is to say of all rows of a split beside the metrics."""
