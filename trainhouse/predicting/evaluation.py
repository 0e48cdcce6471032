"""Evaluates a checkpoint by itself: network, preprocessing and data all come from the file."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainhouse.arrays.datamodule import DataModule
from trainhouse.checkpoints.checkpoint import Checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.machine.files import write_json
from trainhouse.predicting.ensemble import check_same_test_rows, named, rebuild_ensemble, spec_of_rows
from trainhouse.predicting.evaluate import Collect, Evaluation, evaluate
from trainhouse.reports import figures
from trainhouse.reports.report import metrics_line
from trainhouse.runs.run_folder import METRICS, shown_path
from trainhouse.training.build import build_trainer
from trainhouse.training.build_data import rebuild_data
from trainhouse.training.callbacks import ProgressBar
from trainhouse.training.threads import set_threads

_log = logging.getLogger(__name__)

PREDICTIONS = "predictions.csv"


def evaluate_checkpoint(
    checkpoint: Checkpoint, config: dict[str, Any], folder: Path, others: Sequence[Checkpoint] = ()
) -> tuple[Evaluation, str]:
    """Measure the checkpoint's model on the split that `config` asks for; return the numbers and the split's name.

    With `others` it is the mean of all of them. Raises `UserError` if the rows may be new to some of them only.
    """
    set_threads(config["threads"])
    members = [checkpoint, *others]
    module = rebuild_ensemble(members)
    datamodule = rebuild_data(checkpoint, config["data"], spec=spec_of_rows(members))
    if datamodule.fingerprint in {member.provenance["data_fingerprint"] for member in members}:
        check_same_test_rows(members)
    split = _split(datamodule, checkpoint, config)
    if split in ("train", "val") and len({member.config["data"].get("fold") for member in members}) > 1:
        raise UserError(f"split: the members are of different folds, so that the {split} split of one is not another's")
    _log.info("model   %s", named(members))
    _log.info("data    %s (%d rows, %s)\n", datamodule.source, datamodule.row_count(split), _named(split))
    datamodule.say_far_numbers(split)
    collect = Collect(checkpoint.data_spec, folder / PREDICTIONS if config["predictions"] else None)
    trainer = build_trainer(config, folder, [ProgressBar(), collect], [])
    if trainer.world_size > 1:
        raise UserError("trainer.devices: evaluation runs on one device, so that every row counts once")
    batches, limit = datamodule.eval_batches(split), config["trainer"]["limit_test_batches"]
    if 0 < limit < 1 and int(len(batches) * limit) == 0:
        raise UserError(f"trainer.limit_test_batches: {limit} of {len(batches)} batches is none; raise it")
    return evaluate(trainer, module, batches, split, collect), split


def _split(datamodule: DataModule, checkpoint: Checkpoint, config: dict[str, Any]) -> str:
    """The split to measure. Of data that the checkpoint was not trained on, only what has no split to leak."""
    trained_on = checkpoint.provenance["data_fingerprint"]
    asked: str = config["split"]
    if datamodule.fingerprint == trained_on:
        return "test" if asked == "auto" else asked
    if not set(config["data"]) - {"batch_size", "num_workers"}:
        raise UserError(
            f"{datamodule.source}: has changed since {checkpoint.path} was trained (fingerprint "
            f"{datamodule.fingerprint}, then {trained_on}), so its test rows may be ones that were trained on; "
            "restore it, or give new data, as data.features=..."
        )
    possible = "test" if datamodule.row_count("test") else "all"
    if asked not in ("auto", possible):
        raise UserError(f"split: of data other than the checkpoint's only '{possible}' can be measured, not '{asked}'")
    return possible


def _named(split: str) -> str:
    return "all of them" if split == "all" else f"its {split} split"


def report_evaluation(
    evaluation: Evaluation, checkpoint: Checkpoint, split: str, folder: Path, others: Sequence[Checkpoint] = ()
) -> None:
    """Print the numbers; write them to `metrics.json`, and the task's figures."""
    spec, metrics = checkpoint.data_spec, evaluation.metrics
    content: dict[str, Any] = {
        "split": split,
        "rows": len(evaluation.targets),
        "metrics": metrics,
        "ckpt_path": str(checkpoint.path),
        "epoch": checkpoint.epoch,
    }
    if others:
        content["members"] = [{"ckpt_path": str(one.path), "epoch": one.epoch} for one in (checkpoint, *others)]
        del content["ckpt_path"], content["epoch"]
    _log.info("%-6s %s", split, metrics_line(metrics, split))
    findings = evaluation.task.findings(spec, evaluation.targets, evaluation.predictions)
    if findings.text:
        _log.info("\n%s\n", findings.text)
    content |= findings.content
    for name, figure in findings.figures.items():
        figures.save(figure, folder / "figures" / f"{name}.png")
    write_json(folder / METRICS, content)
    _log.info("everything is in %s", shown_path(folder))
