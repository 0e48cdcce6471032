"""What the loggers of the local conf/ show of an evaluation: its metrics, its figures, and what was evaluated."""

from pathlib import Path

from omegaconf import OmegaConf

from trainhouse.configuration.settings import Eval
from trainhouse.runs.description import Description, title_of
from trainhouse.runs.loggers import build_loggers
from trainhouse.runs.shown import begin_loggers, end_loggers, show_figures


def show_evaluation(settings: Eval, metrics: dict[str, float], folder: Path, epoch: int) -> None:
    """Let the loggers have the metrics of a model that was trained to an `epoch`, and the figures in `folder`."""
    if not settings.logger:
        return
    loggers = build_loggers(settings.logger, folder)
    config = OmegaConf.to_yaml(OmegaConf.create(settings.plain))
    chosen = {"ckpt_path": settings.ckpt_path, "split": settings.split}
    begin_loggers(loggers, Description(title_of(folder), config, {}, chosen))
    for logger in loggers:
        logger.log_metrics(metrics, step=epoch)
    show_figures(loggers, folder / "figures")
    end_loggers(loggers)
