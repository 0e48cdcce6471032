"""The last lines of a training: what came out, where it is, and what to type next."""

import logging

from lightning.pytorch.utilities import rank_zero_only

from trainhouse.reports.advice import continuation, selection
from trainhouse.reports.baseline import baseline_line
from trainhouse.reports.metrics_text import metrics_lines
from trainhouse.reports.next_steps import evaluation, say_next
from trainhouse.runs.typed import shown_path
from trainhouse.training.training_result import TrainingResult

_log = logging.getLogger(__name__)

_TRIED = 2


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
        _log.info("best epoch %d of %d, by %s%s", result.best_epoch, result.epochs, result.monitor, _why(result))
    splits = ("val", "test") if result.monitor is not None else ("train", "val", "test")
    for split, line in metrics_lines(result.metrics, splits):
        _log.info("%-6s %s", split, line)
    if baseline := baseline_line(result.baseline):
        _log.info("       %s", baseline)
    for note in result.notes:
        _log.info("note   %s", note)
    _log.info("%.1f s; everything is in %s", result.seconds, folder)
    if result.best_epoch:
        longer = continuation(result.folder, 2 * result.epochs) if still_improves(result) else None
        advised = evaluation(result.folder, result.metrics), selection(result.folder, with_others=True)
        say_next(longer, *advised)


def still_improves(result: TrainingResult) -> bool:
    """Whether a run came to its last epoch while it was getting better: the best one is among the last tenth.

    One or two epochs are to see whether something works.
    """
    of_the_last = result.epochs - (result.best_epoch or 0) <= result.epochs // 10
    is_cut = result.stopped_by == "max_epochs" and not result.ends_by_schedule
    return is_cut and result.epochs > _TRIED and of_the_last


def _why(result: TrainingResult) -> str:
    if result.stopped_by == "early stopping":
        reason = (result.early_stop or "").replace(f"{result.monitor} ", "it ", 1)
        return f"; {reason}, so the run was stopped" if reason else "; early stopping has ended the run"
    return "; it was still getting better" if still_improves(result) else ""
