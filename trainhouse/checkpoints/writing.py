"""How a checkpoint is written: with the project's record in it, and so that no crash damages the one before."""

import logging
import os
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO

from trainhouse.arrays.seen import SeenRows
from trainhouse.arrays.spec import DataSpec
from trainhouse.checkpoints.checkpoint import FORMAT, RECORD, read
from trainhouse.checkpoints.plain import is_plain, plain_hyperparameters
from trainhouse.configuration.settings import Train
from trainhouse.machine.files import atomic_write
from trainhouse.machine.signing import signatures

_log = logging.getLogger(__name__)


class CheckpointRecord(L.Callback):
    """Adds the project's own key to every checkpoint that Lightning writes, and keeps what it holds plain data.

    Hyperparameters that are objects are replaced by the configuration that they were made from; the log says which.
    `MyModule.load_from_checkpoint(path)` finds those of the configuration also if the module has saved none.
    """

    def __init__(
        self,
        settings: Train,
        spec: DataSpec | None,
        provenance: dict[str, Any],
        facts: dict[str, Any] | None = None,
        folder: Path | None = None,
        seen: SeenRows | None = None,
    ) -> None:
        """Callbacks that a module configures itself and that name no folder save into `folder`."""
        self.folder = folder
        self.settings = settings
        plain_spec = spec.to_dict() if spec else None
        self.record: dict[str, Any] = {
            "spec": plain_spec,
            "facts": facts or {},
            "provenance": provenance,
            "seen_rows": seen.to_dict() if seen else None,
        }
        self._said = False

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Put the record into the checkpoint."""
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        plain = self.settings.plain
        written = {"epoch": trainer.current_epoch + 1, "metrics": metrics, "signatures": signatures(self.settings)}
        checkpoint[RECORD] = {"format": FORMAT, "config": plain, **self.record, **written}
        replaced = []
        for key, name, group in (
            (pl_module.CHECKPOINT_HYPER_PARAMS_KEY, pl_module.CHECKPOINT_HYPER_PARAMS_NAME, "model"),
            ("datamodule_hyper_parameters", "datamodule_hparams_name", "data"),
        ):
            node = {name: value for name, value in (plain.get(group) or {}).items() if not name.startswith("_")}
            if key in checkpoint:
                checkpoint[key], left_out = plain_hyperparameters(checkpoint[key], node)
                replaced += left_out
            elif group == "model" and is_lightning(pl_module, self.settings):
                checkpoint[key] = {name: value for name, value in node.items() if is_plain(value)}
                checkpoint[name] = "kwargs"
        checkpoint.pop(pl_module.CHECKPOINT_HYPER_PARAMS_TYPE, None)  # a class of OmegaConf's, which is not there then
        if replaced and not self._said:
            self._said = True
            _log.info(
                "note: the hyperparameters %s hold objects: checkpoints have their configuration instead, and "
                "load_from_checkpoint needs them as arguments",
                ", ".join(replaced),
            )

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Give the module's own checkpoint callbacks their folder: Lightning would choose another one in each run."""
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, ModelCheckpoint) and callback.dirpath is None and self.folder is not None:
                callback.dirpath = str(self.folder)

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Let the callbacks find their files when the run's folder has moved."""
        for callback in trainer.checkpoint_callbacks:
            state = checkpoint["callbacks"].get(callback.state_key)
            if isinstance(callback, ModelCheckpoint) and state:
                _move(state, str(callback.dirpath))


def is_lightning(module: L.LightningModule, settings: Train) -> bool:
    """Whether `module` itself is what the configuration names as the model."""
    kinds = [kind.__name__ for kind in type(module).__mro__]  # torch gives sharded modules a class of its own
    return "_target_" in settings.model and settings.model.name in kinds


def _move(state: dict[str, Any], folder: str) -> None:
    """Let the state of a `ModelCheckpoint` speak of files in `folder`; of one that is gone it knows nothing."""

    def moved(path: str) -> str:
        there = Path(folder, Path(path).name)
        return str(there) if path and there.is_file() else ""

    state["dirpath"] = folder
    for name in ("best_model_path", "kth_best_model_path", "last_model_path"):
        state[name] = moved(state[name])
    best = {moved(path): score for path, score in state["best_k_models"].items()}
    state["best_k_models"] = {path: score for path, score in best.items() if path}


class _WriteError:
    """Remembers the file's own error: torch hides 'no space left' behind 'unexpected pos 768 vs 662'."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            written: int = self.file.write(data)
        except OSError as error:
            self.error = error
            raise
        return written

    def flush(self) -> None:
        self.file.flush()


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint so that a crash or a full disk leaves the previous one as it was."""

    mapped = False
    """Whether tensors are mapped when one is read: for whoever takes parts of them only."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Stream to a file beside `path`, then rename. Raises `OSError` with the real cause if that fails."""
        try:
            with atomic_write(path) as file:
                target = _WriteError(file)
                try:
                    torch.save(checkpoint, target)  # type: ignore[arg-type]  # write and flush are all it uses
                except RuntimeError:
                    if target.error is None:
                        raise
                    raise target.error from None
        except OSError as error:  # also of the flush and the closing, where a full disk often shows first
            reason = f"checkpoint not written ({error.strerror}); what was there before is untouched"
            raise OSError(error.errno, reason, os.fspath(path)) from None

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """Read plain data only; `weights_only` is ignored, since nothing here needs more."""
        return read(Path(path), map_location, mapped=self.mapped)
