"""How far the files of the loggers were when a checkpoint was written: a run that is resumed continues from there.

A step doesn't tell it. What is logged when the checkpoint is there already has the step before, a validation within
accumulated batches the step after, and a user's `self.log("step", ...)` any step at all.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import CSVLogger as LightningCSVLogger
from lightning.pytorch.loggers import Logger, TensorBoardLogger

from trainhouse.machine.files import cut_off
from trainhouse.runs.csv_logger import STEPS_FILE, StepsFile, keep_rows
from trainhouse.runs.service_run import service_run
from trainhouse.runs.tensorboard_logger import events_of


@dataclass(frozen=True)
class LogPosition:
    """What was logged when a checkpoint was written."""

    step: int = 0
    """The optimizer steps done."""
    files: dict[str, int] | None = None
    """Of each file its size: in rows of a table, in bytes of TensorBoard's; of a service the rows that it has.

    None in what older versions wrote.
    """
    unlogged: list[dict[str, Any]] = field(default_factory=list)
    """What was about to be logged: `metrics` and `step` of each row."""

    @classmethod
    def noted(cls, step: int, note: Any) -> "LogPosition":
        """Return what a checkpoint says; by its step alone if its note has another form than `as_note` gives it."""
        match note:
            case {"files": dict(files), "unlogged": list(rows)}:
                known = all(isinstance(size, int) for size in files.values())
                if known and all(_is_row(row) for row in rows):
                    return cls(step, files, rows)
        return cls(step)

    def as_note(self) -> dict[str, Any]:
        """Return plain data for a checkpoint, which has the step already."""
        return {"files": self.files, "unlogged": self.unlogged}


def _is_row(row: Any) -> bool:
    match row:
        case {"step": int(), "metrics": dict(metrics)}:
            return all(isinstance(name, str) and isinstance(value, (int, float)) for name, value in metrics.items())
    return False


def sizes(loggers: Iterable[Logger]) -> dict[str, int]:
    """Let the `loggers` write what they hold, and return how far each file of theirs has got."""
    found = {}
    for logger in loggers:
        logger.save()
        if run := service_run(logger):
            found[run.name] = run.count
            continue
        folder = Path(str(logger.save_dir))
        if isinstance(logger, LightningCSVLogger) and isinstance(logger.experiment, StepsFile):
            found[Path(logger.log_dir, STEPS_FILE).relative_to(folder).as_posix()] = logger.experiment.count
        elif isinstance(logger, TensorBoardLogger):
            found |= {path.relative_to(folder).as_posix(): path.stat().st_size for path in events_of(logger)}
    return found


def cut_back(logger: Logger, position: LogPosition) -> None:
    """Take out of the files of `logger` what was logged after `position`: it will be logged once more.

    Each file is cut in one moment, and a kill between two leaves what the next resume cuts.
    """
    if run := service_run(logger):
        run.stand_at(None if position.files is None else position.files.get(run.name, 0))
        return
    folder = Path(str(logger.save_dir))
    if isinstance(logger, LightningCSVLogger):
        path = Path(logger.log_dir, STEPS_FILE)
        count = (position.files or {}).get(path.relative_to(folder).as_posix())
        if count is None:
            keep_rows(path, lambda _, row: row["step"].isdecimal() and int(row["step"]) < position.step)
        else:
            keep_rows(path, lambda number, _: number < count)
    elif isinstance(logger, TensorBoardLogger) and position.files is not None:
        for path in events_of(logger):
            cut_off(path, position.files.get(path.relative_to(folder).as_posix(), 0))
