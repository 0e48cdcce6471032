"""What a run says when it ends: on the terminal, in `metrics.json`, in TensorBoard."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from lightning.pytorch.loggers import TensorBoardLogger

_log = logging.getLogger(__name__)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows of text in aligned columns, numbers to the right."""
    cells = [list(header)] + [[_text(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    numeric = [all(isinstance(row[column], (int, float, np.number)) for row in rows) for column in range(len(header))]
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in cells
    ]
    return "\n".join(lines)


def _text(cell: object) -> str:
    return f"{cell:.4f}" if isinstance(cell, (float, np.floating)) else str(cell)


def metrics_line(metrics: dict[str, float], split: str) -> str:
    """Return one split's metrics in a line, as ``loss 0.1234  acc 0.9876``."""
    chosen = {name.partition("/")[2]: value for name, value in metrics.items() if name.startswith(f"{split}/")}
    return "  ".join(f"{name} {value:.4f}" for name, value in chosen.items())


def per_class_table(measures: dict[str, np.ndarray], classes: Sequence[str]) -> str:
    """Return precision, recall and F1 of each class as a table."""
    rows = [[name, *(measures[key][index] for key in measures)] for index, name in enumerate(classes)]
    return table(["class", *measures], rows)


def log_to_tensorboard(
    logger: TensorBoardLogger, hyperparameters: dict[str, Any], metrics: dict[str, float], figures: dict[str, Any]
) -> None:
    """Show hyperparameters with their final metrics, and figures, in TensorBoard's tabs."""
    logger.log_hyperparams(hyperparameters, {f"final/{name}": value for name, value in metrics.items()})
    for name, figure in figures.items():
        logger.experiment.add_figure(name, figure, close=False)
    logger.finalize("success")
