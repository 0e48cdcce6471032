"""The checkpoint file: what it holds, how it is written, and the only place that reads one.

A checkpoint is Lightning's own, with one key more: the resolved config, the data spec and where the model
comes from. All of it is plain data, so that reading never runs code.
"""

import logging
import os
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO

from trainhouse.arrays.seen import SeenRows
from trainhouse.arrays.spec import DataSpec
from trainhouse.checkpoints.plain import is_plain, plain_hyperparameters
from trainhouse.configuration.bounded import MOST_VALUES, check_bounds, read_mapping
from trainhouse.configuration.errors import UserError, first_line
from trainhouse.configuration.older_versions import with_label_place
from trainhouse.machine.files import atomic_write
from trainhouse.machine.signing import is_signed, signatures
from trainhouse.runs.best_of_sweep import is_sweep
from trainhouse.runs.run_folder import BEST_MODEL, LAST_CHECKPOINT, METRICS

_log = logging.getLogger(__name__)

RECORD = "project"
FORMAT = 1
_MOST_VALUES = 20_000_000  # categories of a table's columns, and what a user's DataModule saves, among them


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file says: enough to predict, evaluate and reproduce, with no other file."""

    path: Path
    config: dict[str, Any]
    spec: DataSpec | None
    """Of array data, or what the facts of a user's DataModule amount to; None where neither says enough."""
    provenance: dict[str, Any]
    state_dict: dict[str, torch.Tensor]
    epoch: int
    """Epochs trained when it was written: 1 after the first one."""
    metrics: dict[str, float]
    """The latest of every logged metric when it was written."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What the data said of itself: a network may be built from it."""
    signatures: dict[str, Any] = field(default_factory=dict)
    """Of the config, and of its `data`: by them this user account knows what it has trained."""
    seen: SeenRows | None = None
    """The rows of arrays that it was trained or validated on; None where nothing says which."""

    @property
    def has_own_data(self) -> bool:
        """Whether this user account has trained on the data that the config describes: it may use its paths again."""
        return is_signed(self.config["data"], self.signatures.get("data"))

    @property
    def foreign(self) -> Path | None:
        """Its path, if this user account has not trained it; None for one's own."""
        return None if is_signed(self.config, self.signatures.get("config")) else self.path

    @property
    def data_spec(self) -> DataSpec:
        """The spec, of a checkpoint that is known to have one."""
        assert self.spec is not None
        return self.spec


class CheckpointRecord(L.Callback):
    """Adds the project's own key to every checkpoint that Lightning writes, and keeps what it holds plain data.

    Hyperparameters that are objects are replaced by the configuration that they were made from; the log says which.
    `MyModule.load_from_checkpoint(path)` finds those of the configuration also if the module has saved none.
    """

    def __init__(
        self,
        config: dict[str, Any],
        spec: DataSpec | None,
        provenance: dict[str, Any],
        facts: dict[str, Any] | None = None,
        folder: Path | None = None,
        seen: SeenRows | None = None,
    ) -> None:
        """Callbacks that a module configures itself and that name no folder save into `folder`."""
        self.folder = folder
        plain_spec = spec.to_dict() if spec else None
        self.record: dict[str, Any] = {
            "format": FORMAT,
            "config": config,
            "spec": plain_spec,
            "facts": facts or {},
            "provenance": provenance,
            "seen_rows": seen.to_dict() if seen else None,
        }
        self._said = False

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Put the record into the checkpoint."""
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        config = self.record["config"]
        written = {"epoch": trainer.current_epoch + 1, "metrics": metrics, "signatures": signatures(config)}
        checkpoint[RECORD] = {**self.record, **written}
        replaced = []
        for key, name, group in (
            (pl_module.CHECKPOINT_HYPER_PARAMS_KEY, pl_module.CHECKPOINT_HYPER_PARAMS_NAME, "model"),
            ("datamodule_hyper_parameters", "datamodule_hparams_name", "data"),
        ):
            node = {name: value for name, value in (config.get(group) or {}).items() if not name.startswith("_")}
            if key in checkpoint:
                checkpoint[key], left_out = plain_hyperparameters(checkpoint[key], node)
                replaced += left_out
            elif group == "model" and is_lightning(pl_module, config):
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


def is_lightning(module: L.LightningModule, config: dict[str, Any]) -> bool:
    """Whether `module` itself is what the configuration names as the model."""
    named = str((config.get("model") or {}).get("_target_"))
    return named.rpartition(".")[2] == type(module).__name__


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
            return self.file.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self.file.flush()


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint so that a crash or a full disk leaves the previous one as it was."""

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
        return read(Path(path), map_location)


def find_checkpoint(path: str | Path, key: str = "ckpt_path") -> Path:
    """Return the checkpoint that `path` means: itself, or the best model of a run folder.

    Raises `UserError` if there is none, or if `path` is an address on the network.
    """
    if "://" in str(path):
        raise UserError(f"{key}: {path} is an address; download the file, check it, and give its path")
    path = Path(path)
    if path.is_dir():
        best = path / BEST_MODEL
        if not best.is_file() and (last := _last_of_a_run_without_best(path)):
            return last
        if not best.is_file() and is_sweep(path):
            raise UserError(f"{key}: {path} is a sweep; give the folder of one of its runs, as {path / '0'}")
        if not best.is_file():
            raise UserError(f"{key}: {path} is a folder without {BEST_MODEL}; give a run folder or a .ckpt file")
        return best
    if not path.is_file():
        raise UserError(f"{key}: {path} does not exist (relative paths start at {Path.cwd()})")
    return path


def _last_of_a_run_without_best(folder: Path) -> Path | None:
    """The last checkpoint of a run that monitors nothing, which therefore has no best."""
    try:
        content = read_mapping(folder / METRICS)
    except UserError:
        return None
    last = folder / LAST_CHECKPOINT
    return last if content and content.get("monitor", "") is None and last.is_file() else None


def read(path: Path, map_location: Any = None, lazily: bool = False) -> dict[str, Any]:
    """Return the whole content of a checkpoint of this project, on the CPU unless `map_location` says else.

    With `lazily` tensors are mapped, not read: quick, but damage in them goes unseen. Never runs code from the
    file. Raises `UserError` if it is damaged, holds code, or is not one of ours.
    """
    content = _load(path, map_location, lazily)
    if not isinstance(content, dict) or RECORD not in content:
        found = ", ".join(map(_named, list(content)[:5])) if isinstance(content, dict) else type(content).__name__
        raise UserError(f"{path}: not a checkpoint of this project, which have a key '{RECORD}' (found: {found})")
    record = content[RECORD]
    if not isinstance(record, dict):
        raise UserError(f"{path}: not a checkpoint of this project (its '{RECORD}' is {type(record).__name__})")
    version = record.get("format")
    if type(version) is not int or version != FORMAT:
        raise UserError(f"{path}: format {_named(version)} of another version, this one reads {FORMAT}")
    for name, part, most in (
        (RECORD, record.get("config"), MOST_VALUES),
        (RECORD, record, _MOST_VALUES),
        ("content", content, _MOST_VALUES),
    ):
        try:
            check_bounds(part, most)
        except ValueError as error:
            raise UserError(f"{path}: its '{name}' {error}") from error
    return dict(content)


def _named(value: Any) -> str:
    """A key or a value for a message: it may be anything."""
    return f"{value!s:.60}" if isinstance(value, (str, int, float, type(None))) else f"a {type(value).__name__}"


def _load(path: Path, map_location: Any, lazily: bool) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the pickle's version, in a file that is refused anyway
            if not lazily:
                _check_sums(path)
            return torch.load(path, map_location=map_location or "cpu", weights_only=True, mmap=lazily)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path}: not plain data (it holds code, or is no checkpoint at all); such a file is never loaded"
        ) from error
    except FileNotFoundError as error:
        raise UserError(f"{path}: does not exist") from error
    except Exception as error:  # a file of another kind can fail anywhere in torch's reader
        others = sorted(other.name for other in path.parent.glob("*.ckpt") if other != path)
        hint = f"; others beside it: {', '.join(others)}" if others else ""
        size = path.stat().st_size
        raise UserError(
            f"{path}: damaged or not a checkpoint ({size} bytes; {_first_sentence(error)}){hint}"
        ) from error


def _check_sums(path: Path) -> None:
    """torch reads an archive without looking at its check sums: a flipped bit would become a wrong weight."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if packed := next((part for part in archive.infolist() if part.compress_type != zipfile.ZIP_STORED), None):
                raise ValueError(f"{packed.filename} is compressed, as torch writes none")  # to any size
            if bad := archive.testzip():
                raise ValueError(f"the check sum of {bad} is wrong")


def is_of_this_project(path: Path) -> bool:
    """Whether a file holds more than weights: a checkpoint of this project, or one that is damaged beyond telling."""
    try:
        content = _load(path, None, lazily=True)
    except Exception:  # reading it in earnest says what is wrong
        return True
    return isinstance(content, Mapping) and (
        RECORD in content or ("state_dict" not in content and not _is_weights(content))
    )


def read_weights(path: Path, key: str) -> dict[str, torch.Tensor]:
    """Return the weights of a file that is a mapping of names to tensors, or has one as its `state_dict`.

    Raises `UserError` for any other file, and for one that holds code.
    """
    content = _load(path, None, lazily=False)
    weights = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(weights, Mapping) or not _is_weights(weights):
        raise UserError(f"{key}: {path} is neither a checkpoint of this project nor a mapping of names to tensors")
    return dict(weights)


def _is_weights(content: Mapping[Any, Any]) -> bool:
    return bool(content) and all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in content.items()
    )


def load_checkpoint(path: str | Path, key: str = "ckpt_path") -> Checkpoint:
    """Read a checkpoint file, or the best model of a run folder, as described at `find_checkpoint` and `read`."""
    path = find_checkpoint(path, key)
    content = read(path)
    record = content[RECORD]
    try:
        parts = {name: record[name] for name in ("config", "provenance", "epoch", "metrics")}
        parts |= {"facts": record.get("facts", {}), "state_dict": content["state_dict"]}
        parts["signatures"] = record.get("signatures", {})
        for name, value in parts.items():
            kind = int if name == "epoch" else dict
            if not isinstance(value, kind):
                raise TypeError(f"{name} is {_named(value)}")
        config, origin, metrics = parts["config"], parts["provenance"], parts["metrics"]
        if not all(isinstance(config[group], dict) for group in ("model", "data", "loss")):
            raise TypeError("model, data and loss are not all mappings")
        if type(config["seed"]) is not int or not isinstance(origin["data_fingerprint"], str):
            raise TypeError("seed or data_fingerprint")
        if not all(isinstance(value, (int, float)) for value in metrics.values()):
            raise TypeError("metrics are not all numbers")
        _ = config["model"]["_target_"], config["data"]["_target_"]
        spec = record["spec"]
        if spec is not None:
            spec = DataSpec.from_dict(with_label_place(spec, config["data"]))
        seen = SeenRows.from_dict(record["seen_rows"]) if record.get("seen_rows") else None
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: its record is incomplete ({type(error).__name__}: {error})") from error
    weights, signed = parts["state_dict"], parts["signatures"]
    return Checkpoint(path, config, spec, origin, weights, record["epoch"], metrics, parts["facts"], signed, seen)


def _first_sentence(error: BaseException) -> str:
    return first_line(error).partition(". ")[0][:120]
