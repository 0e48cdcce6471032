"""Starts a new run with the weights of another: whatever fits is taken over, the rest is said."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
from torch import Tensor

from trainhouse.arrays.seen import SeenRows
from trainhouse.arrays.spec import DataSpec
from trainhouse.checkpoints.checkpoint import is_of_this_project, load_checkpoint, read_weights
from trainhouse.checkpoints.weights import check_kinds, check_weights, named_as_in
from trainhouse.configuration.errors import UserError
from trainhouse.configuration.settings import Train
from trainhouse.runs.find_checkpoint import find_checkpoint

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Initial:
    """Weights to start from, and what is known of where they come from."""

    path: Path
    weights: dict[str, Tensor]
    epoch: int | None = None
    model: str | None = None
    spec: DataSpec | None = None
    seen: SeenRows | None = None
    """The rows that they were trained or validated on."""


def read_initial(settings: Train) -> Initial:
    """Read the file that `init_from` names: a checkpoint of this project, or a plain mapping of names to tensors.

    The names of the latter get `init_prefix` in front. Raises `UserError` for any other file.
    """
    prefix = settings.init_prefix or ""
    assert settings.init_from is not None
    path = find_checkpoint(settings.init_from, "init_from")
    if is_of_this_project(path):
        checkpoint = load_checkpoint(path, "init_from")
        check_weights(checkpoint.state_dict, f"init_from: {path}")
        weights = {prefix + name: value for name, value in checkpoint.state_dict.items()}
        made_by = checkpoint.config.model.target
        return Initial(path, weights, checkpoint.epoch, made_by, checkpoint.spec, checkpoint.seen)
    weights = read_weights(path)
    check_weights(weights, f"init_from: {path}")
    return Initial(path, {prefix + name: value for name, value in weights.items()})


def initialise(module: L.LightningModule, initial: Initial) -> None:
    """Give `module` the weights where name and shape agree; name those that start from their own initial values.

    Of the module around a plain network, what is fitted to data (standardisation, the scale of targets) stays that of
    the new data; embeddings of categories come along if the columns are the same. Raises `UserError` if no weight fits.
    """
    new = _to_be_taken(module, initial.spec)
    old = named_as_in(module, initial.weights)
    check_kinds(module, old, f"init_from: {initial.path}")
    fitting = {name: old[name] for name, value in new.items() if name in old and old[name].shape == value.shape}
    trained = {name for name, _ in module.named_parameters()}
    if not trained & fitting.keys():
        made_by = f"it was made by {initial.model}" if initial.model else f"it holds {', '.join(list(old)[:3])}"
        hint = "are model= and its sizes the same?" if initial.model else "init_prefix=... goes in front of its names"
        raise UserError(f"init_from: no weight of {initial.path} fits this network; {made_by}, {hint}")
    module.load_state_dict(fitting, strict=False)
    _log.info("weights from %s%s", initial.path, f" (epoch {initial.epoch})" if initial.epoch else "")
    for name in sorted(trained & new.keys() - fitting.keys()):
        was = f"is {tuple(old[name].shape)} there" if name in old else "is not there"
        _log.info("        %s %s starts from scratch: it %s", name, tuple(new[name].shape), was)
    for name in sorted(name for name in old if name not in new and not _is_fitted(module, name)):
        _log.info("        %s of the checkpoint is not used", name)
    spec = getattr(module, "spec", None)
    if spec and initial.spec and spec.classes != initial.spec.classes and spec.outputs == initial.spec.outputs:
        _log.info("        the classes have other names there: the last layer starts from the old ones")


def _to_be_taken(module: L.LightningModule, spec: DataSpec | None) -> Mapping[str, Tensor]:
    state = module.state_dict()
    if not hasattr(module, "network") or not hasattr(module, "preprocessing"):
        return state
    new = {name: value for name, value in state.items() if name.startswith("network.")}
    around: Any = module
    if spec is not None and spec.columns == around.spec.columns:
        learned = {name for name, _ in around.preprocessing.named_parameters(prefix="preprocessing")}
        new |= {name: value for name, value in state.items() if name in learned}
    return new


def _is_fitted(module: L.LightningModule, name: str) -> bool:
    """Whether a weight belongs to the data, as the module around a plain network keeps it."""
    return hasattr(module, "preprocessing") and not name.startswith("network.")
