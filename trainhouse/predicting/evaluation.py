"""Evaluates a checkpoint by itself: network, preprocessing and data all come from the file."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from trainhouse.arrays.datamodule import DataModule
from trainhouse.checkpoints.checkpoint import Checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.machine.files import write_json
from trainhouse.machine.terminal import doing
from trainhouse.machine.writes import only_below
from trainhouse.predicting.ensemble import check_same_test_rows, foreign_of, named, rebuild_ensemble, spec_of_rows
from trainhouse.predicting.evaluate import Collect, Evaluation, evaluate
from trainhouse.reports import figures
from trainhouse.reports.report import metrics_line
from trainhouse.runs.run_folder import METRICS, shown_path
from trainhouse.training.build import build_trainer
from trainhouse.training.build_data import rebuild_data
from trainhouse.training.checks import check_precision
from trainhouse.training.progress_bar import ProgressBar
from trainhouse.training.threads import set_threads

_log = logging.getLogger(__name__)

PREDICTIONS = "predictions.csv"
_FEW = 0.01  # of many rows that are identical to others by chance


def evaluate_checkpoint(
    checkpoint: Checkpoint, config: dict[str, Any], folder: Path, others: Sequence[Checkpoint] = ()
) -> tuple[Evaluation, str]:
    """Measure the checkpoint's model on the split that `config` asks for; return the numbers and the split's name.

    With `others` it is the mean of all of them. Raises `UserError` if the rows may be new to some of them only.
    """
    members = [checkpoint, *others]
    check_precision(config["trainer"]["precision"], checkpoint.data_spec)
    with only_below(foreign_of(members), folder):
        return _evaluate(members, config, folder)


def _evaluate(members: Sequence[Checkpoint], config: dict[str, Any], folder: Path) -> tuple[Evaluation, str]:
    set_threads(config["threads"])
    checkpoint = members[0]
    module = rebuild_ensemble(members)
    with doing("reading the data"):
        datamodule = rebuild_data(checkpoint, config["data"], spec=spec_of_rows(members))
    if any(datamodule.is_named(member.provenance["data_fingerprint"]) for member in members):
        check_same_test_rows(members)
    split = _split(datamodule, checkpoint, config)
    if split in ("train", "val") and len({member.config["data"].get("fold") for member in members}) > 1:
        raise UserError(f"split: the members are of different folds, so that the {split} split of one is not another's")
    _log.info("model   %s", named(members))
    _log.info("data    %s (%d rows, %s)", datamodule.source, datamodule.row_count(split), _named(split))
    left_out = 0
    if not datamodule.is_named(checkpoint.provenance["data_fingerprint"]):
        left_out = _leave_out_what_was_seen(datamodule, members, split, config["split"] == "auto")
    datamodule.say_far_numbers(split)
    _log.info("")
    path = folder / PREDICTIONS if config["predictions"] else None
    collect = Collect(checkpoint.data_spec, path, datamodule.row_numbers_of(split))
    trainer = build_trainer(config, folder, [ProgressBar(), collect], [])
    if trainer.world_size > 1:
        raise UserError("trainer.devices: evaluation runs on one device, so that every row counts once")
    batches, limit = datamodule.eval_batches(split), config["trainer"]["limit_test_batches"]
    if 0 < limit < 1 and int(len(batches) * limit) == 0:
        raise UserError(f"trainer.limit_test_batches: {limit} of {len(batches)} batches is none; raise it")
    evaluation = evaluate(trainer, module, batches, split, collect)
    return replace(evaluation, left_out=left_out), split


def _split(datamodule: DataModule, checkpoint: Checkpoint, config: dict[str, Any]) -> str:
    """The split to measure. Of data that the checkpoint was not trained on, only what has no split to leak."""
    trained_on = checkpoint.provenance["data_fingerprint"]
    asked: str = config["split"]
    if datamodule.is_named(trained_on):
        return "test" if asked == "auto" else asked
    if not set(config["data"]) - {"batch_size", "num_workers"}:
        key = "file" if "file" in checkpoint.config["data"] else "features"
        new = " (the same file too: rows that were trained on are left out)" if checkpoint.seen else ""
        raise UserError(
            f"{datamodule.source}: has changed since {checkpoint.path} was trained (fingerprint "
            f"{datamodule.fingerprint}, then {trained_on}), so its test rows may be ones that were trained on; "
            f"restore it, or give new data, as data.{key}=...{new}"
        )
    possible = "test" if datamodule.row_count("test") else "all"
    if asked not in ("auto", possible):
        raise UserError(f"split: of data other than the checkpoint's only '{possible}' can be measured, not '{asked}'")
    return possible


def _leave_out_what_was_seen(datamodule: DataModule, members: Sequence[Checkpoint], split: str, may: bool) -> int:
    """Leave out rows that the model was trained or validated on: a file that has grown holds the old ones too.

    Returns how many.

    Unless the user asks for all of them by name, so that it may not, or nobody can tell such rows from new ones.
    """
    known = [member.seen for member in members if member.seen]
    if not known:
        return 0
    names = datamodule.names_of_all(split)
    which = np.any([seen.known(names) for seen in known], axis=0)
    count, total, source = int(which.sum()), len(which), datamodule.source
    if not count:
        return 0
    repeat = any(seen.repeats for seen in known)
    share = min(1.0, count / total * max(seen.total / len(seen.names) for seen in known))  # where only some are named
    is_exact = all(seen.is_complete for seen in known)
    if not may or repeat or count == total or (share < _FEW and not is_exact):
        told = str(count) if is_exact else f"about {share:.1%}"
        why = "; rows of its data repeat, so they may be new all the same" if repeat else ""
        _log.warning("warning: %s of these rows are identical to rows that it was trained or validated on%s", told, why)
        return 0
    if not is_exact:
        raise UserError(
            f"split: the model was trained or validated on about {share:.0%} of the rows of {source}; give new ones "
            f"only, or measure all of them with split={split}"
        )
    datamodule.leave_out(split, which)
    _log.info("        %d of them left out: the model was trained or validated on them", count)
    _log.info("        split=%s measures all of them", split)
    return count


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
        "rows_left_out": evaluation.left_out,
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
        _log.info("\n%s\n", findings.text, extra={"lines": True})
    content |= findings.content
    for name, figure in findings.figures.items():
        figures.save(figure, folder / "figures" / f"{name}.png")
    write_json(folder / METRICS, content)
    _log.info("everything is in %s", shown_path(folder))
