"""Lightning's `CSVLogger`, with a file that a kill at any moment leaves whole."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.core.saving import save_hparams_to_yaml
from lightning.pytorch.loggers import CSVLogger as LightningCSVLogger
from torch import Tensor

from trainhouse.machine.files import write_text

STEPS_FILE = "metrics.csv"
Row = dict[str, Any]


class CSVLogger(LightningCSVLogger):
    """Lightning's own, which deletes its file when a run is resumed, and writes all of it again for a new column.

    Here rows are added to the file that is there; for a new column it is replaced in one moment.
    """

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The file, taken over as it is when the first row comes."""
        if self._experiment is None:
            self._experiment = StepsFile(Path(self.log_dir))  # type: ignore[assignment]
        return self._experiment


def use_whole_file(logger: LightningCSVLogger) -> bool:
    """Let a logger of a user's own kind write as `CSVLogger` does; False for one that has a file of its own kind."""
    if isinstance(logger, CSVLogger):
        return True
    if type(logger).experiment is not LightningCSVLogger.experiment:
        return False
    logger._experiment = StepsFile(Path(logger.log_dir))  # type: ignore[assignment]
    return True


class StepsFile:
    """Rows of logged values: kept in memory until `save`, then added to the file."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / STEPS_FILE
        self.metrics: list[Row] = []
        self.hparams: Row = {}
        kept = whole_rows(self.path)
        self.count = len(kept)
        """The rows that the file has."""
        self.columns: list[str] = sorted(kept[0]) if kept else []

    def log_metrics(self, metrics: Row, step: int | None = None) -> None:
        """Note a row."""
        values = {name: value.item() if isinstance(value, Tensor) else value for name, value in metrics.items()}
        self.metrics.append({**values, "step": len(self.metrics) if step is None else step})

    def log_hparams(self, params: Row) -> None:
        """Write the hyperparameters beside the file."""
        self.hparams.update(params)
        self.folder.mkdir(parents=True, exist_ok=True)
        save_hparams_to_yaml(str(self.folder / "hparams.yaml"), self.hparams)

    def save(self) -> None:
        """Add the rows since the last time; a new column replaces the file."""
        rows, self.metrics = self.metrics, []
        if not rows:
            return
        columns = sorted({*self.columns, *(name for row in rows for name in row)})
        if columns == self.columns and self.path.is_file():
            with open(self.path, "a", newline="") as file:
                csv.DictWriter(file, columns).writerows(rows)
        else:
            self.columns = columns
            _replace(self.path, columns, whole_rows(self.path) + rows)
        self.count += len(rows)


def keep_rows(path: Path, is_kept: Callable[[int, Row], bool]) -> None:
    """Take from the file at `path` the rows of which `is_kept`, given number and row, is false; in one moment.

    A line that a kill has cut short goes as well; a file that has nothing to lose is left as it is.
    """
    if not path.is_file():
        return
    rows = whole_rows(path)
    kept = [row for number, row in enumerate(rows) if is_kept(number, row)]
    if not kept:
        path.unlink()
    elif len(kept) < len(rows) or not path.read_bytes().endswith(b"\n"):
        _replace(path, sorted(kept[0]), kept)


def whole_rows(path: Path) -> list[Row]:
    """Return the rows of the file at `path`, if there is one.

    A kill may have cut the last line short, which would be a row of another step.
    """
    if not path.is_file():
        return []
    with open(path, newline="") as file:
        text = file.read()
    return list(csv.DictReader(io.StringIO(text[: text.rfind("\n") + 1], newline=""), restval=""))


def _replace(path: Path, columns: list[str], rows: list[Row]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
