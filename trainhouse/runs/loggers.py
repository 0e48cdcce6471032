"""The loggers of a run, any number of them: built below its folder, and given the same."""

import inspect
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import CSVLogger as LightningCSVLogger
from lightning.pytorch.loggers import Logger, TensorBoardLogger

from trainhouse.configuration.check_arguments import check_arguments, parameters_of
from trainhouse.configuration.create import located
from trainhouse.configuration.errors import UserError, did_you_mean
from trainhouse.configuration.views import Part, Parts
from trainhouse.machine.files import copy
from trainhouse.runs.created_below import create_below
from trainhouse.runs.csv_logger import STEPS_FILE, use_whole_file, whole_rows
from trainhouse.runs.description import name_of
from trainhouse.runs.layout import CONFIG, EVENTS, HISTORY
from trainhouse.runs.log_position import LogPosition, cut_back
from trainhouse.runs.service_run import ServiceRun
from trainhouse.runs.services import check_installed, service_of
from trainhouse.runs.this_job import is_worker_rank

# Names by which loggers take a folder to write to, beside those that `create_below` knows.
_FOLDERS = ("dir", "root_dir", "offline_directory")


def build_loggers(group: Parts, folder: Path, resumed: LogPosition | None = None, label: str = "") -> list[Logger]:
    """Return the loggers that the `group` of them in the configuration names: name -> logger, or a single logger.

    They write below `folder` only, but for MLflow and Aim, which have one store for all runs. In a run that is
    `resumed` they keep what was logged before, and nothing that will be logged again. The `label` says what the run is,
    where its folder's name doesn't. Raises `UserError` that names the key.
    """
    parts = _parts(group)
    step = resumed.step if resumed and resumed.files is None else None
    loggers = {key: _build(part, key, folder, step, label) for key, part in parts.items()}
    _refuse_shared_files(loggers, folder)
    if not is_worker_rank():
        has_begun = resumed is not None or (folder / CONFIG).exists()
        for logger in loggers.values():
            _continue(logger, resumed or LogPosition(files={}), has_begun)
    return list(loggers.values())


def check_loggers(group: Parts) -> None:
    """Raise `UserError` for a logger whose package is missing, or that takes no such argument; nothing is built."""
    for key, part in _parts(group).items():
        check_installed(part, key)
        found = located(part, key)
        check_arguments(found, part, key, (), complete=False)
        if inspect.isclass(found) and issubclass(found, TensorBoardLogger):
            _check_writer(found, part, key)


def _check_writer(found: type[TensorBoardLogger], part: Part, key: str) -> None:
    """Raise `UserError` for an argument that is handed on to a writer, which looks at it when it first writes."""
    others = {name for name in part.plain if not name.startswith("_")} - parameters_of(found).keys()
    if others and found.__init__ is TensorBoardLogger.__init__:
        from torch.utils.tensorboard import SummaryWriter

        options = {*parameters_of(found), *parameters_of(SummaryWriter)} - {"log_dir", "kwargs"}
        for name in sorted(others - options):
            raise UserError(f"{key}.{name}: {part.target} takes no such argument{did_you_mean(name, options)}")


def _parts(group: Parts) -> dict[str, Part]:
    if not group:
        return {}
    if not isinstance(group.plain, dict):
        raise UserError(f"logger: expected a mapping, or null, got {group.plain!r}")
    single = Part(group.plain)
    return {"logger": single} if "_target_" in single else {f"logger.{name}": part for name, part in group.items()}


def _build(part: Part, key: str, folder: Path, purge_step: int | None, label: str) -> Logger:
    check_installed(part, key)
    found = located(part, key)
    for name in _FOLDERS:
        if name in part:
            raise UserError(f"{key}.{name}: a run writes into its own folder; leave it out")
    is_tensorboard = inspect.isclass(found) and issubclass(found, TensorBoardLogger)
    if is_tensorboard and label and part.get("name") == part.get("version") == "" and not any(folder.glob(EVENTS)):
        part = part.with_values({"version": label})  # TensorBoard calls a run by the folder of its events
    if is_tensorboard and purge_step is not None:
        parameters = inspect.signature(found).parameters
        if "purge_step" in parameters or any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
            part = part.with_values({"purge_step": purge_step})  # hides what is logged again
    run = ServiceRun(service, key, folder) if (service := service_of(found)) else None
    given = _given_by_the_run(run, part, folder, label) if run else {}
    # What is null in a file of conf/ is left to the run.
    part = Part({name: value for name, value in part.plain.items() if name not in given})
    try:
        logger = create_below(folder, part, key, **given)
    except UserError:
        raise
    except Exception as error:  # of a service that can't be reached, or is no more
        if not run and not found.__module__.startswith("lightning."):
            raise
        raise UserError(f"{key}: {str(error).partition(chr(10))[0] or type(error).__name__}") from error
    if not isinstance(logger, Logger):
        raise UserError(f"{key}._target_: expected a logger of Lightning or a subclass, got {part.target}")
    if run and not is_worker_rank():
        run.stand_before(logger)
    return logger


def _given_by_the_run(run: ServiceRun, part: Part, folder: Path, label: str) -> dict[str, Any]:
    """Return the arguments of a logger that writes to a service: its name there, its place here, its run."""
    named = {} if part.get(run.service.run_name) else {run.service.run_name: name_of(folder, label)}
    ids = {} if is_worker_rank() else run.arguments()
    return {**named, **run.service.arguments(part, folder), **({} if part.get(run.service.run_id) else ids)}


def _refuse_shared_files(loggers: dict[str, Logger], folder: Path) -> None:
    """Two loggers that write one file would each overwrite the other's rows."""
    files = {folder / HISTORY: "the run's own table of epochs"}
    for key, logger in loggers.items():
        if isinstance(logger, LightningCSVLogger):
            path = Path(logger.log_dir, STEPS_FILE)
            if path in files:
                raise UserError(f"{key}.version: {path.relative_to(folder)} is {files[path]}; set another version")
            files[path] = f"that of {key}"


def _continue(logger: Logger, position: LogPosition, has_begun: bool) -> None:
    """Let a logger continue from what its files had at `position`; of a run that `has_begun`, though before it."""
    if has_begun or isinstance(logger, LightningCSVLogger):
        cut_back(logger, position)
    if isinstance(logger, LightningCSVLogger) and not use_whole_file(logger):
        _save_what_it_deletes(logger)
    for row in position.unlogged:
        logger.log_metrics(dict(row["metrics"]), step=row["step"])
    if position.unlogged:
        logger.save()


def _save_what_it_deletes(logger: LightningCSVLogger) -> None:
    """A logger with a file of its own kind may begin by deleting what is there: a copy stays until it is back."""
    path = Path(logger.log_dir, STEPS_FILE)
    aside = path.with_name(f".before-{STEPS_FILE}")
    if not aside.is_file():
        if not path.is_file():
            return
        copy(path, aside)
    logger.experiment.metrics += whole_rows(aside)
    logger.save()
    aside.unlink()
