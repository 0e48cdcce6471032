"""What watches the preflight, and writes its one checkpoint."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lightning as L
from torch.nn.parameter import is_lazy

from trainhouse.checkpoints.checkpoint import read
from trainhouse.checkpoints.plain import first_not_plain
from trainhouse.checkpoints.writing import AtomicCheckpointIO, CheckpointRecord
from trainhouse.configuration.errors import UserError
from trainhouse.machine.files import PARTIAL_PREFIX, PARTIAL_SUFFIX
from trainhouse.runs.layout import CHECKPOINTS


class WhereItIs(L.Callback):
    """Knows whether the trial is within a step, or at the end of an epoch, and what validation logs."""

    def __init__(self) -> None:
        self.is_at_an_end = self.is_done = False
        self.of_validation: set[str] = set()
        self._before: dict[str, Any] = {}

    def on_validation_start(self, trainer: L.Trainer, *_: Any) -> None:
        """Note what was logged before."""
        self._before = dict(trainer.callback_metrics)

    def on_validation_epoch_end(self, *_: Any) -> None:
        """What fails from here on is a metric, of one batch."""
        self.is_at_an_end = True

    def on_validation_end(self, trainer: L.Trainer, *_: Any) -> None:
        """Note what is new since then."""
        self.is_at_an_end = False
        logged = trainer.callback_metrics.items()
        self.of_validation = {name for name, value in logged if value is not self._before.get(name)}

    def on_train_epoch_end(self, *_: Any) -> None:
        """What fails from here on is a metric, of one batch."""
        self.is_at_an_end = True

    def on_train_end(self, *_: Any) -> None:
        """What fails from here on fails outside of the trial."""
        self.is_at_an_end, self.is_done = False, True


class GradientsMissed(L.Callback):
    """Knows which parameters got no gradient in a backward pass: DDP waits for one of each in every pass."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._reached: set[str] = set()
        self._learned: list[str] = []

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Watch what learns: the module is a copy, so the hooks go with it."""
        for name, parameter in pl_module.named_parameters():
            if parameter.requires_grad and not is_lazy(parameter):  # which takes no hook
                self._learned.append(name)
                parameter.register_post_accumulate_grad_hook(lambda _, name=name: self._reached.add(name))

    def on_before_backward(self, *_: Any) -> None:
        """Begin a pass."""
        self._reached.clear()

    def on_after_backward(self, *_: Any) -> None:
        """Note what the first incomplete pass has missed."""
        self.names = self.names or [name for name in self._learned if name not in self._reached]


class _InspectingIO(AtomicCheckpointIO):
    """Remembers what in a checkpoint is no plain data."""

    not_plain: tuple[str, str] | None = None

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Look, then save."""
        self.not_plain = first_not_plain(checkpoint)
        super().save_checkpoint(checkpoint, path, storage_options)


class SaveOnce(L.Callback):
    """Writes a checkpoint after the batch, and reads it back as one that may hold plain data only."""

    def __init__(self, folder: Path | None, callbacks: Sequence[L.Callback]) -> None:
        self.folder, self.io = folder, _InspectingIO()
        self.record = next((callback for callback in callbacks if isinstance(callback, CheckpointRecord)), None)

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add what the run's own checkpoints have."""
        if self.record:
            self.record.on_save_checkpoint(trainer, pl_module, checkpoint)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save, read, remove."""
        if self.folder is None or self.record is None:
            return
        with TemporaryDirectory(dir=self.folder / CHECKPOINTS, prefix=PARTIAL_PREFIX, suffix=PARTIAL_SUFFIX) as place:
            path = Path(place) / "preflight.ckpt"
            trainer.save_checkpoint(path)
            try:
                read(path)
            except UserError as error:
                where, kind = self.io.not_plain or ("content", "not all plain data")
                raise UserError(
                    f"the checkpoint's {where} is {kind}, which can't be read without running code; keep plain values "
                    "and tensors in state_dict and on_save_checkpoint"
                ) from error
