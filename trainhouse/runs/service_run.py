"""The run that a logger keeps at its service: the same one when training is resumed, with no row twice.

What was sent can't be cut back as a file is. So the rows are counted, and those that a resumed run logs again,
up to where it had come, are left out: they are the same.
"""

import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger

from trainhouse.configuration.bounded import read_json
from trainhouse.runs.description import Description
from trainhouse.runs.services import Service, new_id

_WIDTH = 160  # of the record: it is written over in place at each row


class ServiceRun:
    """Stands before a logger's `log_metrics`; keeps beside the run's logs which run it is, and how many rows it has."""

    def __init__(self, service: Service, key: str, folder: Path) -> None:
        self.service, self.key = service, key
        self.name = f"logs/{re.sub(r'[^A-Za-z0-9_-]', '_', key.removeprefix('logger.'))}.json"
        self.path = folder / self.name
        self.count = 0
        """The rows that training has logged so far."""
        self.counts = True
        self._has_begun = False
        self._sent = 0
        self._file: int | None = None
        self._log: Callable[..., None] | None = None
        self.id = self._read()
        self.is_new = self.id is None

    def _read(self) -> str | None:
        """Take over what an earlier start has kept; a kill within its first moments has left nothing."""
        with suppress(OSError, ValueError, TypeError):
            match read_json(self.path):
                case {"id": str(found), "rows": int(rows)} if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", found):
                    self._sent = rows
                    return found
        return None

    def arguments(self) -> dict[str, Any]:
        """Return what makes the logger continue its run, or begin one of a known id."""
        if self.id is None and not self.service.chooses_id:
            self.id = new_id()
        return {self.service.run_id: self.id} if self.id else {}

    def stand_at(self, count: int | None) -> None:
        """Continue behind the row of this number; None is behind the last one, where nobody has counted."""
        self.count = self._sent if count is None else count

    def stand_before(self, logger: Logger) -> None:
        """Count what is logged from now on; Lightning, which ends each of fit and test, does not end the run."""
        self._log = logger.log_metrics
        vars(logger)["log_metrics"] = self
        vars(logger)["finalize"] = lambda status="": None

    @property
    def repeats(self) -> bool:
        """Whether what is logged now was logged before the run was stopped."""
        return self.counts and self.count < self._sent

    def begin(self, logger: Logger, about: Description) -> None:
        """Make the run, or take it up again."""
        if self.is_new:
            self.service.describe(logger, about)
        self._has_begun, self.id = True, str(logger.version)
        self._write()

    def __call__(self, metrics: Mapping[str, Any], step: int | None = None, **named: Any) -> None:
        """Log a row, unless it was logged before the run was stopped."""
        assert self._log is not None
        if self.counts:
            self.count += 1
            if self.count <= self._sent:
                return
        if not self.service.has_epochs:
            metrics = {name: value for name, value in metrics.items() if name != "epoch"}
        if metrics:
            self._log(metrics, step, **named) if step is not None or named else self._log(metrics)
        if self.counts:
            self._sent = self.count
            self._write()

    def _write(self) -> None:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        os.pwrite(self._file, f"{json.dumps({'id': self.id, 'rows': self._sent}):<{_WIDTH}}\n".encode(), 0)

    def end(self, logger: Logger, succeeded: bool) -> None:
        """End the run, of which there may be more when it is resumed."""
        vars(logger).pop("finalize", None)
        if self._has_begun:  # else nothing is there, and to ask for it would make it
            self.service.end(logger, succeeded)
        if self._file is not None:
            os.close(self._file)
            self._file = None


def service_run(logger: Logger) -> ServiceRun | None:
    """Return the run that a logger keeps at a service; None for one that writes files."""
    found = vars(logger).get("log_metrics")
    return found if isinstance(found, ServiceRun) else None
