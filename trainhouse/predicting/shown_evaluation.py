"""What the loggers of the local conf/ show of an evaluation, and what to type next."""

from pathlib import Path

from omegaconf import OmegaConf

from trainhouse.checkpoints.checkpoint import read
from trainhouse.configuration.settings import Eval
from trainhouse.reports.advice import selection
from trainhouse.reports.next_steps import inference, say_next
from trainhouse.resuming.loops import last_step_of
from trainhouse.runs.description import Description, label_of_evaluation, title_of
from trainhouse.runs.layout import CHECKPOINTS, FIGURES, METRICS
from trainhouse.runs.loggers import build_loggers
from trainhouse.runs.shown import begin_loggers, costing_a_line, end_loggers, show_figures


def show_evaluation(settings: Eval, metrics: dict[str, float], folder: Path, checkpoint: Path) -> None:
    """Let the loggers have the metrics of a `checkpoint` at the step that it was trained to, and the figures."""
    if not settings.logger:
        return
    data = settings.data.get("file") or settings.data.get("features")
    of = Path(settings.ckpt_path) if Path(settings.ckpt_path).is_dir() else checkpoint
    label = label_of_evaluation(of, settings.split, str(data) if data else None)
    loggers = build_loggers(settings.logger, folder, label=label)
    config = OmegaConf.to_yaml(OmegaConf.create(settings.plain))
    chosen = {"ckpt_path": settings.ckpt_path, "split": settings.split}
    begin_loggers(loggers, Description(title_of(folder), config, {}, chosen))
    step = last_step_of(read(checkpoint, lazily=True))
    for logger in loggers:
        with costing_a_line(logger, "the metrics"):
            logger.log_metrics(metrics, step=step)
    show_figures(loggers, folder / FIGURES)
    end_loggers(loggers)


def say_next_to(settings: Eval, checkpoint: Path, data: str) -> None:
    """Say how the evaluated run is promoted, if it is one, and how its model predicts rows of its own file."""
    given = Path(settings.ckpt_path)
    run = checkpoint.parent.parent if checkpoint.parent.name == CHECKPOINTS else None
    is_sweep = given.is_dir() and run is not None and given.resolve() != run.resolve()
    promotable = given if is_sweep else run if run and (run / METRICS).is_file() else None
    found = selection(promotable, with_others=not is_sweep) if promotable else None
    say_next(found, inference(given, data))
