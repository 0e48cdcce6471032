"""What loggers show of a run beside the values that it logs: each what it has a place for, by its public names.

Every kind of logger gets the same, at the start, at the end, and between them; those of the user's own by what
Lightning's `Logger` has, and by a method `log_image(name, images)` if they have one.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from trainhouse.configuration.errors import UserError, fault_of_the_machine, first_line
from trainhouse.runs.description import Description
from trainhouse.runs.service_run import ServiceRun, service_run
from trainhouse.runs.tensorboard_logger import TensorBoardLogger as OwnTensorBoardLogger
from trainhouse.runs.tensorboard_logger import begin_trial, end_trial, has_events, show_figure

_log = logging.getLogger(__name__)


@rank_zero_only
def begin_loggers(loggers: Iterable[Logger], about: Description, step: int = 0) -> None:
    """Let all loggers show what the run is, before its first value; of one that is resumed at `step`, only once.

    Raises `UserError` for a service that can't be reached, or doesn't let the run in.
    """
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            is_new = not has_events(logger)
            logger.hparams.update(about.everything)  # for a class of its own that leaves them in hparams.yaml
            if about.chosen:
                begin_trial(logger, about.title, about.chosen)
            if is_new:
                _show_texts(logger, about, step)
        elif run := service_run(logger):
            _begin_at_service(logger, run, about)
        else:
            with suppress(NotImplementedError):  # Lightning obliges each to have the method, not to do something
                logger.log_hyperparams(about.everything)


def _show_texts(logger: TensorBoardLogger, about: Description, step: int) -> None:
    said = [f"tags: {', '.join(about.tags)}"] * bool(about.tags) + [about.notes or ""] * bool(about.notes)
    if said:
        logger.experiment.add_text("notes", "\n\n".join(said), step)
    logger.experiment.add_text("config", f"```yaml\n{about.config}\n```", step)


def _begin_at_service(logger: Logger, run: ServiceRun, about: Description) -> None:
    try:
        run.begin(logger, about)
    except UserError:
        raise
    except Exception as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{run.key}: {run.service.package} did not begin the run ({said:.300})") from error


@rank_zero_only
def training_has_ended(loggers: Iterable[Logger]) -> None:
    """Let loggers take what comes now, the test and the result, for what comes once in a run."""
    for logger in loggers:
        if run := service_run(logger):
            run.counts = False


@rank_zero_only
def log_best(loggers: Iterable[Logger], monitor: str, points: Sequence[tuple[int, float]]) -> None:
    """Let loggers have, as ``best/<monitor>``, the best value so far at each step of `points`; a service the last one.

    Tables of runs show the last value of a name, which of `monitor` itself is not the best. TensorBoard's HParams tab
    shows the first few names only, in the order of the alphabet: so this one begins with a b.
    """
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger) or service_run(logger):
            with costing_a_line(logger, f"best/{monitor}"):
                for step, value in points if isinstance(logger, TensorBoardLogger) else points[-1:]:
                    logger.log_metrics({f"best/{monitor}": value}, step=step)


@rank_zero_only
def show_figures(loggers: Iterable[Logger], folder: Path) -> None:
    """Show each PNG file of a `folder` of figures in the loggers that have images, under its name."""
    loggers = list(loggers)
    for path in sorted(folder.glob("*.png")) if loggers else ():
        for logger in loggers:
            with costing_a_line(logger, f"figures/{path.name}"):
                if isinstance(logger, TensorBoardLogger):
                    show_figure(logger, path.stem, path)
                elif run := service_run(logger):
                    run.service.figure(logger, path.stem, path)
                elif callable(log_image := getattr(logger, "log_image", None)):
                    log_image(path.stem, [str(path)])


@rank_zero_only
def show_histogram(loggers: Iterable[Logger], name: str, values: np.ndarray, step: int) -> None:
    """Show how `values`, all finite, are distributed at a step, in the loggers that have histograms."""
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_histogram(name, values, step)
        elif (run := service_run(logger)) and not run.repeats:
            run.service.histogram(logger, name, values, step)


@rank_zero_only
def end_loggers(loggers: Iterable[Logger], succeeded: bool = True) -> None:
    """Let all loggers write what they still hold, of a run that has come to its end or was stopped."""
    for logger in loggers:
        with costing_a_line(logger, "the end of the run"):
            _end(logger, succeeded)


def _end(logger: Logger, succeeded: bool) -> None:
    if isinstance(logger, TensorBoardLogger) and succeeded:
        end_trial(logger)
    if run := service_run(logger):
        run.end(logger, succeeded)
    elif not isinstance(logger, OwnTensorBoardLogger):
        if succeeded:  # else Lightning has done it
            logger.finalize("success")
    elif succeeded or has_events(logger):
        logger.close()


@contextmanager
def costing_a_line(logger: Logger, what: str) -> Iterator[None]:
    """Let a logger fail in the block, as when its service is away: a run that has been trained is no less so.

    A fault of the machine, as a full disk, is said once of each logger: it meets all that follows, and maybe some of
    what came before, where a thread writes.
    """
    try:
        yield
    except Exception as error:  # whatever a service's library may raise
        name, said = type(logger).__name__, vars(logger)
        if not (fault := fault_of_the_machine(error)):
            _log.warning("warning: %s did not take %s (%s: %s)", name, what, type(error).__name__, first_line(error))
        elif said.get("fault_said") != fault:
            said["fault_said"] = fault
            _log.warning("warning: %s may lack figures and last values: %s", name, fault)
