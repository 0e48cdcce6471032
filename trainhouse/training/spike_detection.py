"""Lightning's `SpikeDetection`, which can be resumed, and ends a run in one line."""

from collections import deque
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.spike import TrainingSpikeException
from lightning.pytorch.callbacks import SpikeDetection as LightningSpikeDetection

from trainhouse.configuration.errors import UserError
from trainhouse.runs.typed import shown_path


class SpikeDetection(LightningSpikeDetection):
    """Lightning's own, whose state holds no running mean, and can't be loaded."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.recent: deque[float] = deque(maxlen=self.running_mean.window)
        """The losses that the running mean is of."""
        self.seen = 0

    def on_train_batch_end(  # type: ignore[override]
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Look at the loss. Raises `UserError` for one that has jumped, or that is none."""
        name, before = type(self).__name__, self.last_val
        try:
            super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        except TrainingSpikeException as error:
            raise UserError(
                f"callbacks: {name}: the loss jumped at batch {batch_idx + 1} of epoch {trainer.current_epoch + 1}; "
                f"the numbers of that batch and of the one before, from 0 on, are in "
                f"{shown_path(Path(str(self.exclude_batches_path)))}"
            ) from error
        except (TypeError, KeyError) as error:
            raise UserError(
                f"callbacks: {name} needs a training_step that returns the loss, which {type(pl_module).__name__}'s "
                "does not"
            ) from error
        if self.last_val is not before:
            self.recent.append(float(self.last_val))
            self.seen += 1

    def state_dict(self) -> dict[str, Any]:
        """Return what has been seen."""
        return {"recent": list(self.recent), "seen": self.seen, "bad_batches": list(self.bad_batches)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Let the running mean see the same losses again, each at its place."""
        recent, self.seen = state_dict["recent"], state_dict["seen"]
        self.bad_batches = list(state_dict["bad_batches"])
        for loss in [0.0] * ((self.seen - len(recent)) % self.running_mean.window) + recent:
            self.running_mean.update(torch.tensor(loss))
        self.recent.extend(recent)
        self.last_val = recent[-1] if recent else 0.0
