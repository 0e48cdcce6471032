"""Lightning's `ModelCheckpoint` with file names for people, and several of them side by side."""

import os
import re
from collections.abc import Mapping
from functools import wraps
from string import Formatter
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint as LightningModelCheckpoint
from torch import Tensor

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.views import Part

_FILENAME = r"[^{}]*(\{[^{}\[\]:!]+(:0?\d{0,2}(\.\d{1,2})?[a-zA-Z%]?)?\}[^{}]*)*"
_NAME_BY_DEFAULT = "epoch_{epoch:03d}-step_{step}"


class ModelCheckpoint(LightningModelCheckpoint):
    """Lightning's own but for the file names: the state after five epochs is 5 there, not 4.

    Names have no ``=``, which a command line would have to quote, unless `auto_insert_metric_name` is set; and none
    leads into a folder, whatever the metrics are called. The class is called as Lightning's is, since that is part of
    what its state is saved as: runs that were begun with that one resume with this one.
    """

    @wraps(LightningModelCheckpoint.__init__)  # type: ignore[misc]  # so that its arguments can be checked
    def __init__(self, dirpath: Any = None, filename: str | None = None, **options: Any) -> None:
        options.setdefault("auto_insert_metric_name", False)
        if filename is not None:
            check_fields(filename)
        super().__init__(dirpath, filename or _NAME_BY_DEFAULT, **options)
        self.overwrites = not options.get("enable_version_counter", True)
        self._is_named_by_filename = False

    @property
    def state_key(self) -> str:
        """What the state is saved as: as of Lightning's class, unless another callback has that already."""
        return super().state_key + (f" {self.filename}" if self._is_named_by_filename else "")

    def tell_by_filename(self) -> None:
        """Save the state under a name of its own."""
        self._is_named_by_filename = True

    def format_checkpoint_name(self, metrics: dict[str, Tensor], *args: Any, **kwargs: Any) -> str:
        """Return the path for the epoch in `metrics`, which Lightning counts from 0."""
        path = super().format_checkpoint_name({**metrics, "epoch": metrics["epoch"] + 1}, *args, **kwargs)
        folder = os.path.join(self.dirpath, "") if self.dirpath else ""  # noqa: PTH118  # it may be an address
        return folder + path.removeprefix(folder).replace("/", "_")


def tell_apart(callbacks: Mapping[str, L.Callback]) -> None:
    """Give each of the `callbacks`, by their keys in the configuration, a state of its own in a checkpoint.

    The first of two alike keeps the name that older checkpoints know. Raises `UserError` for two that can't be kept
    apart, and for two that would write the same files.
    """
    states: dict[str, str] = {}
    files: dict[tuple[str, str | None], tuple[str, bool]] = {}
    for key, callback in callbacks.items():
        if type(callback).state_dict is not L.Callback.state_dict:
            if callback.state_key in states and isinstance(callback, ModelCheckpoint):
                callback.tell_by_filename()
            if callback.state_key in states:
                needed = "another filename" if isinstance(callback, ModelCheckpoint) else "other values"
                raise UserError(f"{key}: saves its state as {states[callback.state_key]} does; give it {needed}")
            states[callback.state_key] = key
        if isinstance(callback, ModelCheckpoint):
            place = (str(callback.dirpath), callback.filename)
            other, overwrites = files.setdefault(place, (key, callback.overwrites))
            if other != key and (overwrites or callback.overwrites):
                raise UserError(f"{key}.filename: '{callback.filename}' is what {other} writes too; rename one")


def check_fields(filename: str) -> None:
    """Raise `ValueError` unless what is filled into a file name are values by their names.

    Lightning leaves the rest to `str.format`, which also reads what an object is made of, and can write
    a gigabyte.
    """
    if not re.fullmatch(_FILENAME, filename):
        raise ValueError(f"filename: '{filename}' has more in its braces than a name and its format, as {{epoch:03d}}")


def fields_of(filename: str) -> list[str]:
    """Return what is filled into a file name: epoch, step, metrics. Raises `ValueError` for one that has no meaning."""
    return [field for _, field, _, _ in Formatter().parse(filename) if field is not None]


def check_checkpoint(part: Part, key: str) -> None:
    """Raise `UserError` for a file name that Lightning would refuse when it saves for the first time.

    Also for one that would be written over each time, though several files are asked for, or by an error's state.
    """
    if part.get("save_on_exception") is True:
        raise UserError(
            f"{key}.save_on_exception: would write over what the file is for; "
            "callbacks=[default,on_exception_checkpoint] keeps the state at an error in a file of its own"
        )
    if "filename" not in part:
        return
    filename = part.get("filename")
    if not isinstance(filename, str) or filename == "last" or not filename:
        raise UserError(f"{key}.filename: expected a name without / that is not 'last', got {filename!r}")
    try:
        check_fields(filename)
        fields = fields_of(filename)
        tried = {name: torch.tensor(1 if name in ("epoch", "step") else 1.0) for name in (*fields, "epoch")}
        filled = LightningModelCheckpoint(filename=filename, auto_insert_metric_name=False).format_checkpoint_name(
            tried
        )
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        raise UserError(f"{key}.filename: '{filename}' can't be filled in: {error}") from error
    if "/" in filled:
        raise UserError(f"{key}.filename: expected a name without / that is not 'last', got {filename!r}")
    if part.plain.get("save_top_k", 1) == 1 or fields:
        return
    if key == "callbacks.best_checkpoint":
        raise UserError(
            f"{key}.save_top_k: {filename}.ckpt is one file, the best; callbacks=[default,top_checkpoints] keeps the "
            "three best beside it (more with callbacks.top_checkpoints.save_top_k)"
        )
    raise UserError(f"{key}.filename: '{filename}' would be written over each time; add {{epoch:03d}}")
