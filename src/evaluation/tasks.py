"""The tasks of array data: what a network's outputs mean, what is said of a row, what an evaluation shows.

A task of another kind is one more class here, with a name that the data's spec gives.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from trainhouse import (
    Columns,
    DataSpec,
    Findings,
    Task,
    class_array,
    confusion_counts,
    confusion_matrix,
    per_class,
    per_class_table,
    predicted_against_true,
)


class Classification:
    """One of several classes for each row: outputs are logits (B, C), targets int64 (B,), predictions probabilities."""

    name = "classification"
    scales_targets = False

    def predict(self, outputs: Tensor) -> Tensor:
        """Map logits (B, C) to probabilities (B, C)."""
        return outputs.softmax(dim=1)

    def undo(self, predictions: Tensor) -> Tensor:
        """Map probabilities (B, C) to their logarithms."""
        return predictions.clamp_min(torch.finfo(predictions.dtype).tiny).log()

    def decide(self, predictions: np.ndarray) -> np.ndarray:
        """Map probabilities (N, C) to the code (N,) of the likeliest class."""
        codes: np.ndarray = predictions.argmax(axis=1)
        return codes

    def prediction_columns(self, spec: DataSpec, predictions: np.ndarray) -> Columns:
        """Return ``prediction``, the name of the likeliest class (a number if all are), and ``probability_<class>``."""
        names, columns = _class_names(tuple(spec.classes))
        return {"prediction": names[predictions.argmax(axis=1)], **dict(zip(columns, predictions.T, strict=True))}

    def target_columns(self, spec: DataSpec, targets: np.ndarray) -> Columns:
        """Return ``target``, the name of the true class."""
        return {"target": class_array(spec.classes)[targets]}

    def findings(self, spec: DataSpec, targets: np.ndarray, decided: np.ndarray) -> Findings:
        """Return precision, recall and F1 of each class, and the confusion matrix."""
        counts = confusion_counts(targets, decided, spec.outputs)
        measures = per_class(counts)
        content = {
            name: {measure: values[index].item() for measure, values in measures.items()}
            for index, name in enumerate(spec.classes)
        }
        return Findings(
            text=per_class_table(measures, spec.classes),
            content={"per_class": content},
            figures={"confusion_matrix": confusion_matrix(counts, spec.classes)},
        )


class Regression:
    """One or several numbers for each row: outputs, targets and predictions are float32 (B, T)."""

    name = "regression"
    scales_targets = True

    def predict(self, outputs: Tensor) -> Tensor:
        """Return the outputs, which are in the targets' own units."""
        return outputs

    def undo(self, predictions: Tensor) -> Tensor:
        """Return the predictions."""
        return predictions

    def decide(self, predictions: np.ndarray) -> np.ndarray:
        """Return the predictions."""
        return predictions

    def prediction_columns(self, spec: DataSpec, predictions: np.ndarray) -> Columns:
        """Return ``prediction``, or ``prediction_<target>`` where there are several targets."""
        return _columns("prediction", spec, predictions)

    def target_columns(self, spec: DataSpec, targets: np.ndarray) -> Columns:
        """Return ``target``, or ``target_<target>`` where there are several."""
        return _columns("target", spec, targets)

    def findings(self, spec: DataSpec, targets: np.ndarray, decided: np.ndarray) -> Findings:
        """Return predicted over true values."""
        figure = predicted_against_true(targets, decided, spec.targets)
        return Findings(figures={"predicted_against_true": figure})


TASKS: dict[str, Task] = {task.name: task for task in (Classification(), Regression())}


def _columns(what: str, spec: DataSpec, values: np.ndarray) -> Columns:
    if len(spec.targets) == 1:
        return {what: values[:, 0]}
    return {f"{what}_{name}": values[:, index] for index, name in enumerate(spec.targets)}


@lru_cache(maxsize=8)
def _class_names(classes: tuple[str, ...]) -> tuple[np.ndarray, list[str]]:
    """Return the classes as they are written, and the names of their columns: once, not for every batch."""
    return class_array(classes), [f"probability_{name}" for name in classes]
