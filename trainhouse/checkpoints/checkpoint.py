"""The checkpoint file: what it holds, and the only place that reads one.

A checkpoint is Lightning's own, with one key more: the resolved config, the data spec and where the model
comes from. All of it is plain data, so that reading never runs code.
"""

import logging
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from trainhouse.arrays.seen import SeenRows
from trainhouse.arrays.spec import DataSpec
from trainhouse.checkpoints.record import parts_of, seen_of, shortened, spec_of
from trainhouse.configuration.bounded import MOST_VALUES, check_bounds
from trainhouse.configuration.errors import UserError, first_line
from trainhouse.configuration.settings import Train
from trainhouse.machine.signing import is_signed
from trainhouse.runs.find_checkpoint import find_checkpoint

_log = logging.getLogger(__name__)

RECORD = "project"
FORMAT = 1
_MOST_VALUES = 20_000_000  # categories of a table's columns, and what a user's DataModule saves, among them


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file says: enough to predict, evaluate and reproduce, with no other file."""

    path: Path
    config: Train
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
        return is_signed(self.config.data.plain, self.signatures.get("data"))

    @property
    def foreign(self) -> Path | None:
        """Its path, if this user account has not trained it; None for one's own."""
        return None if is_signed(self.config.plain, self.signatures.get("config")) else self.path

    @property
    def data_spec(self) -> DataSpec:
        """The spec, of a checkpoint that has to have one. Raises `UserError` if it has none."""
        if self.spec is None:
            raise UserError(
                f"{self.path}: its record is incomplete (spec is None, so nothing says what its data is like)"
            )
        return self.spec


def read(path: Path, map_location: Any = None, lazily: bool = False, mapped: bool = False) -> dict[str, Any]:
    """Return the whole content of a checkpoint of this project, on the CPU unless `map_location` says else.

    With `lazily` tensors are mapped, not read: quick, but damage in them goes unseen. With `mapped` damage is seen, and
    processes of one machine share what they read. Never runs code from the file. Raises `UserError` if it is damaged,
    holds code, or is not one of ours.
    """
    content = _load(path, map_location, lazily, mapped)
    if not isinstance(content, dict) or RECORD not in content:
        found = ", ".join(map(shortened, list(content)[:5])) if isinstance(content, dict) else type(content).__name__
        raise UserError(f"{path}: not a checkpoint of this project, which have a key '{RECORD}' (found: {found})")
    record = content[RECORD]
    if not isinstance(record, dict):
        raise UserError(f"{path}: not a checkpoint of this project (its '{RECORD}' is {type(record).__name__})")
    version = record.get("format")
    if type(version) is not int or version != FORMAT:
        raise UserError(f"{path}: format {shortened(version)} of another version, this one reads {FORMAT}")
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


def seen_in(path: Path) -> SeenRows | None:
    """Return the rows that the model of a checkpoint was trained or validated on; None where it doesn't say which."""
    try:
        return seen_of(read(path, lazily=True)[RECORD])
    except (KeyError, TypeError):
        return None


def spec_in(path: Path) -> DataSpec | None:
    """Return the spec of the data that a checkpoint was trained on, without its weights; None where there is none."""
    try:
        return spec_of(read(path, lazily=True)[RECORD])
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: its record is incomplete ({type(error).__name__}: {error})") from error


def _load(path: Path, map_location: Any, lazily: bool, mapped: bool = False) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the pickle's version, in a file that is refused anyway
            if not lazily:
                _check_sums(path)
            return torch.load(path, map_location=map_location or "cpu", weights_only=True, mmap=lazily or mapped)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path}: not plain data (it holds code, or is no checkpoint at all); such a file is never loaded"
        ) from error
    except FileNotFoundError as error:
        raise UserError(f"{path}: does not exist") from error
    except PermissionError as error:
        raise UserError(f"{path}: can't be read (permission denied); let this user read it, as by chmod u+r") from error
    except Exception as error:  # a file of another kind can fail anywhere in torch's reader
        others = sorted(other.name for other in path.parent.glob("*.ckpt") if other != path)
        hint = f"; others beside it: {', '.join(others)}" if others else ""
        size, said = path.stat().st_size, first_line(error).partition(". ")[0][:120]
        raise UserError(f"{path}: damaged or not a checkpoint ({size} bytes; {said}){hint}") from error


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


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Return the weights of a file that is a mapping of names to tensors, or has one as its `state_dict`.

    Raises `UserError` for any other file, and for one that holds code.
    """
    content = _load(path, None, lazily=False)
    weights = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(weights, Mapping) or not _is_weights(weights):
        raise UserError(f"init_from: {path} is neither a checkpoint of this project nor a mapping of names to tensors")
    return dict(weights)


def _is_weights(content: Mapping[Any, Any]) -> bool:
    return bool(content) and all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in content.items()
    )


def load_checkpoint(path: str | Path, key: str = "ckpt_path", mapped: bool = False) -> Checkpoint:
    """Read a checkpoint file, or the best model of a run folder, as described at `find_checkpoint` and `read`."""
    path = find_checkpoint(path, key)
    content = read(path, mapped=mapped)
    try:
        parts = parts_of(content, RECORD)
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: its record is incomplete ({type(error).__name__}: {error})") from error
    return Checkpoint(path, **parts)
