"""The tasks of array data: what a network's outputs mean, what is said of a row, what an evaluation shows.

A task of another kind is one more class here, with a name that the data's spec gives. Its `figures` are names of the
library's, or functions of your own: ``def my_figure(measured: Measured) -> Figure`` draws ``figures/my_figure.png``.
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
    per_class,
    per_class_table,
)


class Classification:
    """One of several classes for each row: outputs are logits (B, C), targets int64 (B,), predictions probabilities."""

    name = "classification"
    scales_targets = False
    figures = (
        "confusion_matrix",
        "class_scores",
        "roc_curve",
        "precision_recall",
        "calibration",
        "worst_rows",
        "permutation_importance",
    )
    error = "log loss"

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

    def row_errors(self, targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """Return minus the logarithm of the true class's probability, (N,)."""
        likely = predictions[np.arange(len(targets)), targets]
        errors: np.ndarray = -np.log(np.maximum(likely, np.finfo(predictions.dtype).tiny))
        return errors

    def prediction_columns(self, spec: DataSpec, predictions: np.ndarray) -> Columns:
        """Return ``prediction``, the name of the class (a number if all are), and ``probability_<class>``."""
        names, columns = _class_names(tuple(spec.classes))
        return {"prediction": names[self.decide(predictions)], **dict(zip(columns, predictions.T, strict=True))}

    def target_columns(self, spec: DataSpec, targets: np.ndarray) -> Columns:
        """Return ``target``, the name of the true class."""
        return {"target": class_array(spec.classes)[targets]}

    def findings(self, spec: DataSpec, targets: np.ndarray, decided: np.ndarray) -> Findings:
        """Return precision, recall and F1 of each class."""
        counts = confusion_counts(targets, decided, spec.outputs)
        measures = per_class(counts)
        content = {
            name: {measure: values[index].item() for measure, values in measures.items()}
            for index, name in enumerate(spec.classes)
        }
        return Findings(
            text=per_class_table(measures, spec.classes),
            content={"per_class": content},
        )


class AtThreshold(Classification):
    """Two classes, of which the second is decided for from a probability on."""

    def __init__(self, threshold: Tensor) -> None:
        self.threshold = threshold  # (), which a run may change

    def decide(self, predictions: np.ndarray) -> np.ndarray:
        """Map probabilities (N, 2) to the code (N,) of a class."""
        codes: np.ndarray = (predictions[:, 1] >= float(self.threshold)).astype(np.int64)
        return codes


class Regression:
    """One or several numbers for each row: outputs, targets and predictions are float32 (B, T)."""

    name = "regression"
    scales_targets = True
    figures = ("predicted_against_true", "residuals", "worst_rows", "permutation_importance")
    error = "absolute error"

    def predict(self, outputs: Tensor) -> Tensor:
        """Return the outputs, which are in the targets' own units."""
        return outputs

    def undo(self, predictions: Tensor) -> Tensor:
        """Return the predictions."""
        return predictions

    def decide(self, predictions: np.ndarray) -> np.ndarray:
        """Return the predictions."""
        return predictions

    def row_errors(self, targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """Return how far each prediction is from its target, (N, T)."""
        errors: np.ndarray = np.abs(predictions - targets)
        return errors

    def prediction_columns(self, spec: DataSpec, predictions: np.ndarray) -> Columns:
        """Return ``prediction``, or ``prediction_<target>`` where there are several targets."""
        return _columns("prediction", spec, predictions)

    def target_columns(self, spec: DataSpec, targets: np.ndarray) -> Columns:
        """Return ``target``, or ``target_<target>`` where there are several."""
        return _columns("target", spec, targets)

    def findings(self, spec: DataSpec, targets: np.ndarray, decided: np.ndarray) -> Findings:
        """Return nothing: its metrics and figures say it."""
        return Findings()


class Multilabel:
    """Several labels for each row, any of which may be true: outputs are logits (B, K), targets 0 or 1 (B, K)."""

    name = "multilabel"
    scales_targets = False
    figures = ("label_scores", "worst_rows", "permutation_importance")
    error = "log loss, mean over labels"

    def predict(self, outputs: Tensor) -> Tensor:
        """Map logits (B, K) to probabilities (B, K)."""
        return outputs.sigmoid()

    def undo(self, predictions: Tensor) -> Tensor:
        """Map probabilities (B, K) to logits."""
        return predictions.logit(eps=torch.finfo(predictions.dtype).eps)

    def decide(self, predictions: np.ndarray) -> np.ndarray:
        """Map probabilities (N, K) to labels (N, K), 0 or 1."""
        labels: np.ndarray = (predictions >= 0.5).astype(np.int64)
        return labels

    def row_errors(self, targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """Return minus the logarithm of the probability of what is true, the mean over labels, (N,)."""
        likely = np.where(targets > 0, predictions, 1 - predictions)
        errors: np.ndarray = -np.log(np.maximum(likely, np.finfo(predictions.dtype).tiny)).mean(axis=1)
        return errors

    def prediction_columns(self, spec: DataSpec, predictions: np.ndarray) -> Columns:
        """Return ``prediction_<label>``, 0 or 1, of each label, and then ``probability_<label>``."""
        return _columns("prediction", spec, self.decide(predictions)) | _columns("probability", spec, predictions)

    def target_columns(self, spec: DataSpec, targets: np.ndarray) -> Columns:
        """Return ``target_<label>``, 0 or 1."""
        return _columns("target", spec, targets.astype(np.int64))

    def findings(self, spec: DataSpec, targets: np.ndarray, decided: np.ndarray) -> Findings:
        """Return precision, recall and F1 of each label, and its rows."""
        true, said = targets > 0, decided > 0
        hits, found, rows = (true & said).sum(axis=0), said.sum(axis=0), true.sum(axis=0)
        measures = {
            "precision": hits / np.maximum(found, 1),
            "recall": hits / np.maximum(rows, 1),
            "f1": 2 * hits / np.maximum(found + rows, 1),
            "rows": rows,
        }
        content = {
            name: {measure: values[place].item() for measure, values in measures.items()}
            for place, name in enumerate(spec.targets)
        }
        return Findings(text=per_class_table(measures, spec.targets, "label"), content={"per_label": content})


TASKS: dict[str, Task] = {task.name: task for task in (Classification(), Regression(), Multilabel())}


def _columns(what: str, spec: DataSpec, values: np.ndarray) -> Columns:
    if len(spec.targets) == 1:
        return {what: values[:, 0]}
    return {f"{what}_{name}": values[:, index] for index, name in enumerate(spec.targets)}


@lru_cache(maxsize=8)
def _class_names(classes: tuple[str, ...]) -> tuple[np.ndarray, list[str]]:
    """Return the classes as they are written, and the names of their columns: once, not for every batch."""
    return class_array(classes), [f"probability_{name}" for name in classes]
