"""One pass over a split: the metrics that training reports, and every row's prediction for tables and figures."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np

from trainhouse.arrays.beside import Ids
from trainhouse.arrays.precision import to_numpy
from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Eval
from trainhouse.predicting.row_columns import named_rows
from trainhouse.predicting.task import Task
from trainhouse.reports.writers import Writer, open_writer


@dataclass(frozen=True)
class Evaluation:
    """What a model does on one split. `targets` and `predictions` are (N,) class codes or (N, T) values.

    `weights` (N,) are what the rows count, None if each counts once.
    """

    metrics: dict[str, float]
    targets: np.ndarray
    predictions: np.ndarray
    task: Task
    weights: np.ndarray | None = None
    left_out: int = 0
    """The number of rows that were not measured, since the model was trained or validated on them."""
    figures: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    """What draws each figure of the task, by name."""
    settings: Eval | None = None
    """What was asked for, loggers among it."""


class Collect(L.Callback):
    """Keeps the targets and predictions of a test run, and writes each row's to a file if there is a path."""

    def __init__(self, spec: DataSpec, path: Path | None, rows: np.ndarray, ids: Ids | None = None) -> None:
        """`rows` (N,) are the numbers, in their file, of the rows that are served; `ids` maps them to identifiers."""
        self.spec, self.path, self.rows, self.ids = spec, path, rows, ids
        self.writer: Writer | None = None
        self.targets: list[np.ndarray] = []
        self.predictions: list[np.ndarray] = []
        self.weights: list[np.ndarray] = []

    def on_test_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Keep the predicted classes or values, and hand all that the model said to the writer."""
        values, targets, task = to_numpy(outputs), batch[1].cpu().numpy(), pl_module.task
        if self.writer:
            columns = task.target_columns(self.spec, targets) | task.prediction_columns(self.spec, values)
            first = sum(map(len, self.targets))
            numbers = self.rows[first : first + len(targets)]
            self.writer.write(named_rows(numbers, self.ids(numbers) if self.ids else {}, columns))
        self.targets.append(targets)
        self.predictions.append(task.decide(values))
        self.weights += [weights.cpu().numpy() for weights in batch[2:]]


def evaluate(trainer: L.Trainer, module: Any, batches: Any, split: str, collect: Collect) -> Evaluation:
    """Run a module over the batches (x, y) of a split; metrics are named after it.

    `collect` is one of the trainer's callbacks; its file gets each row's number, target and prediction. Raises
    `UserError` if the trainer is to test no batch.
    """
    with open_writer(collect.path) if collect.path else nullcontext() as collect.writer:
        results = trainer.test(module, batches, verbose=False)
    if not results or not collect.targets:
        raise UserError("trainer.limit_test_batches: leaves nothing to evaluate")
    metrics = {f"{split}/{name.partition('/')[2]}": value for name, value in results[0].items()}
    targets, predictions = np.concatenate(collect.targets), np.concatenate(collect.predictions)
    weights = np.concatenate(collect.weights) if collect.weights else None
    return Evaluation(metrics, targets, predictions, module.task, weights)
