"""Lightning's `OnExceptionCheckpoint`, for training alone, and as one of this project's checkpoints."""

import logging
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Checkpoint

from trainhouse.configuration.annotations import Text
from trainhouse.configuration.errors import Interrupted, UserError
from trainhouse.resuming.trainer_parts import is_fast_dev_run
from trainhouse.runs.typed import shown_path

_log = logging.getLogger(__name__)


class OnExceptionCheckpoint(Checkpoint):
    """``on_exception.ckpt``: the state at an error in training; removed when training has ended well.

    Lightning's own would also save what a test has loaded or a resume has half restored, and has `Trainer.fit` take
    up the newest checkpoint that it finds, unasked. What a signal stops is in ``last.ckpt`` already.
    """

    def __init__(self, dirpath: str, filename: Text = "on_exception") -> None:
        if "/" in filename or filename in ("last", "best_model"):
            raise ValueError(
                f"filename: expected a name without / that is not 'last' or 'best_model', got {filename!r}"
            )
        self.path = Path(dirpath) / f"{filename}.ckpt"
        self._is_training = False

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Refuse several processes."""
        refuse_several_processes(trainer, type(self).__name__)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """From here on all is restored."""
        self._is_training = not is_fast_dev_run(trainer)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Training is over, and no error has ended it."""
        self._is_training = False
        self.path.unlink(missing_ok=True)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Save; an error in that does not hide the first one."""
        if not self._is_training or isinstance(exception, Interrupted):
            return
        self._is_training = False
        try:
            trainer.save_checkpoint(self.path)
        except Exception as error:
            _log.warning("warning: %s could not be saved: %s", shown_path(self.path), error)
        else:
            _log.info("saved %s: the state at the error", shown_path(self.path))


def refuse_several_processes(trainer: Any, what: str) -> None:
    """Raise `UserError`: the process that fails would wait for all others to save with it, for half an hour."""
    if trainer.world_size > 1:
        raise UserError(
            f"callbacks: {what} can't save when one of several processes fails, as the others don't save with it; "
            "callbacks.last_checkpoint.every_n_minutes=10 saves as training goes on"
        )
