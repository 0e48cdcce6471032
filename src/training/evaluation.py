"""Evaluates a checkpoint by itself: network, preprocessing and data all come from the file."""

import logging
from pathlib import Path
from typing import Any

from src.evaluation import figures
from src.evaluation.evaluate import Evaluation, confusion_counts, evaluate, per_class
from src.evaluation.report import metrics_line, per_class_table
from src.training.build import build_trainer, rebuild_data, rebuild_module
from src.training.callbacks import ProgressBar
from src.training.checkpoint import Checkpoint
from src.utils.errors import UserError
from src.utils.files import write_json
from src.utils.run_folder import METRICS

_log = logging.getLogger(__name__)

PREDICTIONS = "predictions.csv"


def evaluate_checkpoint(checkpoint: Checkpoint, config: dict[str, Any], folder: Path) -> tuple[Evaluation, str]:
    """Measure the checkpoint's model on the split that `config` asks for; return the numbers and the split's name."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    module = rebuild_module(checkpoint)
    datamodule = rebuild_data(checkpoint, config["data"])
    trained_on = checkpoint.provenance["data_fingerprint"]
    same_data = datamodule.fingerprint == trained_on
    split = config["split"]
    if split == "auto":
        split = "test" if same_data else "all"
    if not same_data and not config["data"]:
        raise UserError(
            f"{datamodule.source}: has changed since {checkpoint.path} was trained (fingerprint "
            f"{datamodule.fingerprint}, then {trained_on}), so its test rows may be ones that were trained on; "
            "restore it, or give new data, as data.features=..."
        )
    _log.info("model   %s (epoch %d)", checkpoint.path, checkpoint.epoch)
    _log.info("data    %s (%d rows, %s)\n", datamodule.source, datamodule.row_count(split), _named(split))
    trainer = build_trainer(config, folder, [ProgressBar()], None)
    predictions = folder / PREDICTIONS if config["predictions"] else None
    batches = datamodule.eval_batches(split)
    return evaluate(trainer, module, checkpoint.spec, batches, split, predictions), split


def _named(split: str) -> str:
    return "all of them" if split == "all" else f"its {split} split"


def report_evaluation(evaluation: Evaluation, checkpoint: Checkpoint, split: str, folder: Path) -> None:
    """Print the numbers; write them to `metrics.json`, and the task's figure."""
    spec, metrics = checkpoint.spec, evaluation.metrics
    content: dict[str, Any] = {
        "split": split,
        "rows": len(evaluation.targets),
        "metrics": metrics,
        "ckpt_path": str(checkpoint.path),
        "epoch": checkpoint.epoch,
    }
    _log.info("%-6s %s", split, metrics_line(metrics, split))
    if spec.task == "classification":
        counts = confusion_counts(evaluation.targets, evaluation.predictions, spec.outputs)
        measures = per_class(counts)
        _log.info("\n%s\n", per_class_table(measures, spec.classes))
        content["per_class"] = {
            name: {measure: values[index].item() for measure, values in measures.items()}
            for index, name in enumerate(spec.classes)
        }
        figure, name = figures.confusion_matrix(counts, spec.classes), "confusion_matrix"
    else:
        figure = figures.predicted_against_true(evaluation.targets, evaluation.predictions, spec.targets)
        name = "predicted_against_true"
    figures.save(figure, folder / "figures" / f"{name}.png")
    write_json(folder / METRICS, content)
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    _log.info("everything is in %s", shown)
