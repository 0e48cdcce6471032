"""The last lines of a training: what came out, where it is, and what to type next."""

import logging

from lightning.pytorch.utilities import rank_zero_only

from trainhouse.reports.advice import selection
from trainhouse.reports.metrics_text import metrics_lines
from trainhouse.reports.next_steps import evaluation, say_next
from trainhouse.runs.typed import shown_path
from trainhouse.training.training_result import TrainingResult

_log = logging.getLogger(__name__)


@rank_zero_only
def summarise_training(result: TrainingResult) -> None:
    """Say in a few lines what came out, where it is, and what to type next."""
    folder = shown_path(result.folder)
    _log.info("")
    if result.monitor is None:
        epochs = f"{result.epochs} epoch{'s' * (result.epochs != 1)}"
        what = ", so the last model stands for the best" if result.best_model else "; no checkpoint was kept"
        _log.info("%s; nothing is monitored%s", epochs, what)
    elif result.best_epoch:
        early = "; it was not getting better, so the run was stopped" if result.stopped_by == "early stopping" else ""
        _log.info("best epoch %d of %d, by %s%s", result.best_epoch, result.epochs, result.monitor, early)
    splits = ("val", "test") if result.monitor is not None else ("train", "val", "test")
    for split, line in metrics_lines(result.metrics, splits):
        _log.info("%-6s %s", split, line)
    _log.info("%.1f s; everything is in %s", result.seconds, folder)
    if result.best_epoch:
        say_next(evaluation(result.folder, result.metrics), selection(result.folder, with_others=True))
