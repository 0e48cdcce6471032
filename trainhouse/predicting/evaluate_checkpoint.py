"""Evaluates a checkpoint by itself: network, preprocessing and data all come from the file."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from trainhouse.arrays.unpredicted import unpredicted_line
from trainhouse.checkpoints.checkpoint import Checkpoint
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Eval
from trainhouse.figures.about import About
from trainhouse.figures.chosen import asked_in, check_asked, figures_of, name_of
from trainhouse.figures.drawing import draw
from trainhouse.machine.files import written_as_json
from trainhouse.machine.terminal import doing
from trainhouse.machine.writes import only_below
from trainhouse.predicting.ensemble import (
    check_same_test_rows,
    foreign_of,
    rebuild_ensemble,
    spec_of_rows,
    which_models,
)
from trainhouse.predicting.evaluate_split import Collect, Evaluation, evaluate
from trainhouse.predicting.known_baseline import known_baseline
from trainhouse.predicting.measured_rows import check_trainer, measured_split, say_and_leave_out_seen
from trainhouse.predicting.shown_evaluation import say_next_to, show_evaluation
from trainhouse.reports.baseline import baseline_line
from trainhouse.reports.metrics_text import metrics_line
from trainhouse.runs.layout import CHECKPOINTS, CONFIG, FIGURES, METRICS
from trainhouse.runs.loggers import check_loggers
from trainhouse.runs.typed import shown_path
from trainhouse.training.build import build_trainer
from trainhouse.training.build_data import rebuild_data
from trainhouse.training.checks import check_precision
from trainhouse.training.figures_of_test import FiguresOfTest
from trainhouse.training.progress_bar import ProgressBar
from trainhouse.training.threads import set_threads

_log = logging.getLogger(__name__)

PREDICTIONS = "predictions.csv"


def evaluate_checkpoint(members: Sequence[Checkpoint], settings: Eval, folder: Path) -> tuple[Evaluation, str]:
    """Measure a checkpoint's model on the split that the `settings` ask for; return the numbers and the split's name.

    Of several `members` it is their mean. Raises `UserError` if the rows may be new to some of them only.
    """
    check_precision(settings.trainer.precision, members[0].data_spec)
    with only_below(foreign_of(members), folder):
        return _evaluate(members, settings, folder)


def _evaluate(members: Sequence[Checkpoint], settings: Eval, folder: Path) -> tuple[Evaluation, str]:
    set_threads(settings.threads)
    checkpoint = members[0]
    check_trainer(settings.trainer, folder)
    check_loggers(settings.logger)
    module = rebuild_ensemble(members)
    check_asked(asked_in(settings), [name_of(one) for one in figures_of(module.task)], module.task.name)
    with doing("reading the data"):
        datamodule = rebuild_data(checkpoint, settings.data, spec=spec_of_rows(members))
    if any(datamodule.is_named(member.provenance["data_fingerprint"]) for member in members):
        check_same_test_rows(members)
    split = measured_split(datamodule, checkpoint, settings)
    if split in ("train", "val") and len({member.config.data.fold for member in members}) > 1:
        raise UserError(f"split: the members are of different folds, so that the {split} split of one is not another's")
    _log.info("model   %s", which_models(members))
    left_out = say_and_leave_out_seen(datamodule, members, split, settings)
    path = folder / PREDICTIONS if settings.predictions else None
    ids = datamodule.beside[split].ids
    collect = Collect(checkpoint.data_spec, path, datamodule.row_numbers_of(split), ids)
    figures = FiguresOfTest(module, datamodule, split, asked_in(settings))
    trainer = build_trainer(settings.trainer, folder, [ProgressBar(), collect, figures], [])
    batches, limit = datamodule.eval_batches(split), settings.trainer.limit_test_batches
    if 0 < limit < 1 and int(len(batches) * limit) == 0:
        raise UserError(f"trainer.limit_test_batches: {limit} of {len(batches)} batches is none; raise it")
    evaluation = evaluate(trainer, module, batches, split, collect)
    about = About(
        f"eval of {_short_name(members)}", f"{datamodule.source}, {'all rows' if split == 'all' else f'{split} split'}"
    )
    drawn = figures.by_name(about, folder / FIGURES)
    return replace(evaluation, left_out=left_out, figures=drawn, settings=settings), split


def _short_name(members: Sequence[Checkpoint]) -> str:
    """Return what is evaluated as a title has it: the run's name and time, and the file."""
    path = members[0].path.absolute()
    is_in_run = path.parent.name == CHECKPOINTS and (path.parents[1] / CONFIG).is_file()
    name = "/".join([*path.parts[-4:-2], path.name]) if is_in_run else path.name
    return name if len(members) == 1 else f"{name} and {len(members) - 1} more, their mean"


def report_evaluation(evaluation: Evaluation, members: Sequence[Checkpoint], split: str, folder: Path) -> None:
    """Print the numbers; write them to `metrics.json`, and the task's figures."""
    spec, metrics = members[0].data_spec, evaluation.metrics
    origins: list[dict[str, Any]] = [{"ckpt_path": str(one.path), "epoch": one.epoch} for one in members]
    content: dict[str, Any] = {
        "split": split,
        "rows": len(evaluation.targets),
        "rows_left_out": evaluation.left_out,
        "targets": list(spec.targets),
        "metrics": metrics,
        **(origins[0] if len(members) == 1 else {"members": origins}),
    }
    _log.info("%-6s %s", split, metrics_line(metrics, split))
    baseline = known_baseline(members[0], split, evaluation.targets, evaluation.weights)
    if line := baseline_line(baseline):
        content["baseline"] = baseline
        _log.info("       %s", line)
    if spec.classes:
        counts = [np.bincount(one, minlength=spec.outputs) for one in (evaluation.targets, evaluation.predictions)]
        if never := unpredicted_line(counts[0], counts[1], spec.classes, split):
            _log.warning("warning: %s", never)
    findings = evaluation.task.findings(spec, evaluation.targets, evaluation.predictions)
    if findings.text:
        _log.info("\n%s\n", findings.text, extra={"lines": True})
    content |= findings.content
    with written_as_json(folder / METRICS, content), doing("drawing the figures"):
        draw({**findings.figures, **evaluation.figures}, folder / FIGURES)
    if evaluation.settings:
        show_evaluation(evaluation.settings, metrics, folder, members[0].path)
    _log.info("everything is in %s", shown_path(folder))
    if evaluation.settings:
        say_next_to(evaluation.settings, members[0].path, members[0].provenance["data"])
