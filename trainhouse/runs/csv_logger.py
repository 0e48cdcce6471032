"""Lightning's `CSVLogger`, with a file that a kill at any moment leaves whole."""

import csv
import io
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
    """Lightning's own, which deletes its file when a run goes on, and writes all of it once more for a new column.

    Here the file is replaced in one moment, and from the first row on holds those of the steps before `resume_step`: of
    a run that starts at its beginning, none of an earlier one.
    """

    resume_step = 0

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The file, made or taken over when the first row comes."""
        if self._experiment is None:
            self._experiment = StepsFile(Path(self.log_dir), self.resume_step)  # type: ignore[assignment]
        return self._experiment


class StepsFile:
    """Rows of logged values: kept in memory until `save`, then added to the file."""

    def __init__(self, folder: Path, resume_step: int) -> None:
        self.folder, self.path = folder, folder / STEPS_FILE
        self.metrics: list[Row] = []
        self.hparams: Row = {}
        folder.mkdir(parents=True, exist_ok=True)
        kept = rows_before(self.path, resume_step)
        self.columns: list[str] = sorted(kept[0]) if kept else []
        if kept:
            self._replace(kept)
        else:
            self.path.unlink(missing_ok=True)

    def log_metrics(self, metrics: Row, step: int | None = None) -> None:
        """Note a row."""
        values = {name: value.item() if isinstance(value, Tensor) else value for name, value in metrics.items()}
        self.metrics.append({**values, "step": len(self.metrics) if step is None else step})

    def log_hparams(self, params: Row) -> None:
        """Write the hyperparameters beside the file."""
        self.hparams.update(params)
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
            self._replace(_whole_rows(self.path) + rows)

    def _replace(self, rows: list[Row]) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self.columns)
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.path, text.getvalue())


def rows_before(path: Path, step: int) -> list[Row]:
    """Return the rows of the file at `path`, if there is one, that were logged before `step`."""
    return [row for row in _whole_rows(path) if row["step"].isdecimal() and int(row["step"]) < step]


def _whole_rows(path: Path) -> list[Row]:
    """A kill may have cut the last line short, which would be a row of another step."""
    if not path.is_file():
        return []
    with open(path, newline="") as file:
        text = file.read()
    return list(csv.DictReader(text[: text.rfind("\n") + 1].splitlines(), restval=""))
